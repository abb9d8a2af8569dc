/* Our reader of XML beside expat: what both take, both read alike. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <expat.h>

#include "base/buf.h"
#include "base/err.h"
#include "storage/azure_xml.h"

#define TRACE_MAX ((size_t)1 << 20)

/* What a reader told: tags, and the text in front of an end. */
struct trace {
	struct buf text;
	struct buf all;
};

static void
note(struct trace *t, char what, const char *name, const char *text)
{
	const char *colon = strrchr(name, ':');

	buf_addf(
	    &t->all, "%c%s=%s\n", what, colon != NULL ? colon + 1 : name, text);
}

static int
on_open(void *arg, const struct azure_xml_place *at, struct err *err)
{
	(void)err;
	note(arg, '<', at->name, "");
	return 0;
}

static int
on_close(void *arg, const struct azure_xml_place *at, const char *text,
    struct err *err)
{
	(void)err;
	note(arg, '>', at->name, text);
	return 0;
}

static void
expat_start(void *arg, const char *name, const char **attributes)
{
	struct trace *t = arg;

	(void)attributes;
	note(t, '<', name, "");
	buf_truncate(&t->text, 0);
}

static void
expat_end(void *arg, const char *name)
{
	struct trace *t = arg;

	note(t, '>', name, t->text.data);
	buf_truncate(&t->text, 0);
}

static void
expat_text(void *arg, const char *text, int len)
{
	buf_add(&((struct trace *)arg)->text, text, (size_t)len);
}

static bool
by_expat(const char *data, size_t size, struct trace *t)
{
	XML_Parser p = XML_ParserCreate("UTF-8");
	bool good;

	XML_SetUserData(p, t);
	XML_SetElementHandler(p, expat_start, expat_end);
	XML_SetCharacterDataHandler(p, expat_text);
	good = XML_Parse(p, data, (int)size, XML_TRUE) == XML_STATUS_OK;
	XML_ParserFree(p);
	return good;
}

static bool
by_us(const char *data, size_t size, struct trace *t)
{
	const struct azure_xml_reader reader = {
	    .arg = t, .open = on_open, .close = on_close};
	struct err err = {0};

	return azure_xml_read(data, size, &reader, &err) == 0;
}

static void
trace_init(struct trace *t)
{
	buf_init(&t->text, TRACE_MAX);
	buf_init(&t->all, TRACE_MAX);
}

static void
trace_release(struct trace *t)
{
	buf_release(&t->text);
	buf_release(&t->all);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trace ours, theirs;

	trace_init(&ours);
	trace_init(&theirs);
	/* expat alone makes one line end of two bytes, and decodes nothing. */
	if (by_us((const char *)data, size, &ours) &&
	    by_expat((const char *)data, size, &theirs) &&
	    memchr(data, '\r', size) == NULL &&
	    memmem(data, size, "Encoded", 7) == NULL && !ours.all.overflowed &&
	    !theirs.all.overflowed &&
	    strcmp(ours.all.data, theirs.all.data) != 0)
		abort();
	trace_release(&ours);
	trace_release(&theirs);
	return 0;
}
