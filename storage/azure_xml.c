#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include <expat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/url.h"

#include "storage/azure_xml.h"

/* Cannot stand in a name, so it tells a namespace from the local name. */
#define NAMESPACE_SEPARATOR '|'

struct parse {
	XML_Parser expat;
	const struct azure_xml_reader *reader;
	unsigned depth;
	struct buf path;
	struct buf text;
	bool encoded; /* the text of the element that is open */
	bool failed;
	struct err *err;
};

/* Stops expat, which may still deliver the calls it had under way. */
static void
stop(struct parse *p)
{
	p->failed = true;
	XML_StopParser(p->expat, XML_FALSE);
}

static const char *
local_name(const char *name)
{
	const char *separator = strrchr(name, NAMESPACE_SEPARATOR);

	return separator != NULL ? separator + 1 : name;
}

static bool
is_encoded(const char **attributes)
{
	for (; attributes[0] != NULL; attributes += 2)
		if (strcmp(attributes[0], "Encoded") == 0)
			return strcmp(attributes[1], "true") == 0;
	return false;
}

static void
on_start(void *arg, const char *name, const char **attributes)
{
	struct parse *p = arg;

	if (p->failed)
		return;
	if (++p->depth > AZURE_XML_DEPTH_MAX) {
		err_set(p->err, ERR_CORRUPT, "XML nested over %d deep",
		    AZURE_XML_DEPTH_MAX);
		stop(p);
		return;
	}
	if (p->depth > 1)
		buf_addc(&p->path, '/');
	buf_adds(&p->path, local_name(name));
	buf_truncate(&p->text, 0);
	p->encoded = is_encoded(attributes);
	if (buf_check(&p->path, "an XML element's path", p->err) != 0 ||
	    (p->reader->open != NULL &&
		p->reader->open(p->reader->arg, p->path.data, p->err) != 0))
		stop(p);
}

static void
leave_path(struct parse *p)
{
	const char *slash = strrchr(p->path.data, '/');

	buf_truncate(
	    &p->path, slash != NULL ? (size_t)(slash - p->path.data) : 0);
	buf_truncate(&p->text, 0);
	p->encoded = false;
	p->depth--;
}

static void
on_end(void *arg, const char *name)
{
	struct parse *p = arg;

	(void)name;
	if (p->failed)
		return;
	if (p->encoded && p->text.len > 0 &&
	    url_decode(p->text.data, p->err) != 0) {
		p->err->kind = ERR_CORRUPT;
		stop(p);
		return;
	}
	if (p->reader->close(
		p->reader->arg, p->path.data, p->text.data, p->err) != 0) {
		stop(p);
		return;
	}
	leave_path(p);
}

static void
on_text(void *arg, const char *text, int len)
{
	struct parse *p = arg;

	if (p->failed)
		return;
	buf_add(&p->text, text, (size_t)len);
	if (buf_check(&p->text, "an XML element's text", p->err) != 0)
		stop(p);
}

static void
on_doctype(void *arg, const char *name, const char *system_id,
    const char *public_id, int has_internal_subset)
{
	struct parse *p = arg;

	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_internal_subset;
	if (p->failed)
		return;
	err_set(p->err, ERR_CORRUPT, "XML with a document type is refused");
	stop(p);
}

static int
run(struct parse *p, const char *text, size_t len, struct err *err)
{
	enum XML_Status status;

	if (len > INT_MAX)
		return err_set(err, ERR_CORRUPT, "XML of %zu bytes", len);
	status = XML_Parse(p->expat, text, (int)len, XML_TRUE);
	if (p->failed)
		return -1;
	if (status != XML_STATUS_OK)
		return err_set(err, ERR_CORRUPT, "bad XML in line %lu: %s",
		    (unsigned long)XML_GetCurrentLineNumber(p->expat),
		    XML_ErrorString(XML_GetErrorCode(p->expat)));
	return 0;
}

int
azure_xml_read(const char *text, size_t len,
    const struct azure_xml_reader *reader, struct err *err)
{
	struct parse p = {.reader = reader, .err = err};
	int rc;

	p.expat = XML_ParserCreateNS(NULL, NAMESPACE_SEPARATOR);
	if (p.expat == NULL)
		return err_set(err, ERR_SYSTEM, "no memory for an XML parser");
	buf_init(&p.path, AZURE_XML_PATH_MAX);
	buf_init(&p.text, AZURE_XML_TEXT_MAX);
	XML_SetUserData(p.expat, &p);
	XML_SetElementHandler(p.expat, on_start, on_end);
	XML_SetCharacterDataHandler(p.expat, on_text);
	XML_SetStartDoctypeDeclHandler(p.expat, on_doctype);
	rc = run(&p, text, len, err);
	buf_release(&p.text);
	buf_release(&p.path);
	XML_ParserFree(p.expat);
	return rc;
}
