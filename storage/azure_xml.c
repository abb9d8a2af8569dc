#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/url.h"
#include "base/utf8.h"

#include "storage/azure_xml.h"

#define CDATA	      "<![CDATA["
#define REFERENCE_MAX 12 /* "&#x0010FFFF;" */

struct element {
	const char *tag; /* as it was written, with its namespace */
	size_t tag_len;
	size_t parent_len; /* of the path */
};

struct scan {
	const char *begin, *p, *end;
	const struct azure_xml_reader *reader;
	struct azure_xml_place place;
	char path[AZURE_XML_PATH_MAX + 1];
	size_t path_len;
	struct element open[AZURE_XML_DEPTH_MAX];
	struct buf text;
	bool encoded; /* the text of the element that is open */
	bool had_root;
	struct err *err;
};

static int
bad(const struct scan *s, const char *why)
{
	return err_set(s->err, ERR_CORRUPT, "bad XML at byte %zu: %s",
	    (size_t)(s->p - s->begin), why);
}

static size_t
left(const struct scan *s)
{
	return (size_t)(s->end - s->p);
}

static bool
at(const struct scan *s, const char *what)
{
	size_t len = strlen(what);

	return left(s) >= len && memcmp(s->p, what, len) == 0;
}

/* To behind what ends it. */
static int
skip_past(struct scan *s, const char *what)
{
	const char *found = memmem(s->p, left(s), what, strlen(what));

	if (found == NULL)
		return bad(s, "it ends early");
	s->p = found + strlen(what);
	return 0;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool
is_name_char(char c)
{
	unsigned char letter = (unsigned char)((c | 0x20) - 'a');

	return letter < 26 || (c >= '-' && c <= ':' && c != '/') || c == '_';
}

/* Whether the character may stand in XML at all (XML 1.0, 2.2). */
static bool
is_char(uint32_t c)
{
	return c == '\t' || c == '\n' || c == '\r' ||
	    (c >= 0x20 && c <= 0xd7ff) || (c >= 0xe000 && c <= 0xfffd) ||
	    (c >= 0x10000 && c <= 0x10ffff);
}

/* Of one character of the document; 0: none that XML has. */
static size_t
char_bytes(const char *p, size_t len)
{
	char few[4 + 1] = "";
	size_t n;

	memcpy(few, p, len < 4 ? len : 4);
	n = utf8_bytes(few);
	if (n == 1 && !is_char((unsigned char)*few))
		return 0;
	return n == 3 && memcmp(few, "\xef\xbf\xbe", 3) >= 0 ? 0 : n;
}

/* Eight bytes at a time where they are plain. */
static int
check_chars(struct scan *s)
{
	const uint64_t high = UINT64_C(0x8080808080808080);
	const uint64_t space = UINT64_C(0x2020202020202020);

	while (s->p < s->end) {
		uint64_t w;
		size_t n = 8;

		if (left(s) >= 8) {
			memcpy(&w, s->p, 8);
			if (((w | (w - space)) & high) == 0) {
				s->p += 8;
				continue;
			}
		}
		n = char_bytes(s->p, left(s));
		if (n == 0)
			return bad(s, "what is no character of XML in UTF-8");
		s->p += n;
	}
	s->p = s->begin;
	return 0;
}

static void
add_char(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_addc(out, (char)c);
		return;
	}
	if (c < 0x800) {
		buf_addc(out, (char)(0xc0 | c >> 6));
	} else if (c < 0x10000) {
		buf_addc(out, (char)(0xe0 | c >> 12));
		buf_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
	} else {
		buf_addc(out, (char)(0xf0 | c >> 18));
		buf_addc(out, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_addc(out, (char)(0x80 | (c & 0x3f)));
}

/* "#233", "#xe9"; 0 for what is no number of a character. */
static uint32_t
numbered(const char *p, size_t len)
{
	unsigned base = len > 2 && p[1] == 'x' ? 16 : 10;
	uint32_t c = 0;

	for (size_t i = base == 16 ? 2 : 1; i < len; i++) {
		unsigned digit = p[i] >= '0' && p[i] <= '9'
		    ? (unsigned)(p[i] - '0')
		    : p[i] >= 'a' && p[i] <= 'f' ? (unsigned)(p[i] - 'a' + 10)
		    : p[i] >= 'A' && p[i] <= 'F' ? (unsigned)(p[i] - 'A' + 10)
						 : base;

		if (digit >= base)
			return 0;
		c = c * base + digit;
		if (c > 0x10ffff)
			return 0;
	}
	return is_char(c) ? c : 0;
}

static uint32_t
named(const char *p, size_t len)
{
	static const struct {
		char name[5];
		char c;
	} known[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'},
	    {"apos", '\''}};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strlen(known[i].name) == len &&
		    memcmp(p, known[i].name, len) == 0)
			return (uint32_t)known[i].c;
	return 0;
}

/* s->p is at '&'. */
static int
take_reference(struct scan *s)
{
	size_t room = left(s) < REFERENCE_MAX ? left(s) : REFERENCE_MAX;
	const char *semicolon = memchr(s->p, ';', room);
	const char *p = s->p + 1;
	uint32_t c = 0;

	if (semicolon != NULL && semicolon > p)
		c = *p == '#' ? numbered(p, (size_t)(semicolon - p))
			      : named(p, (size_t)(semicolon - p));
	if (c == 0)
		return bad(s, "a reference that is not known");
	add_char(&s->text, c);
	s->p = semicolon + 1;
	return 0;
}

/* Up to the next tag. */
static int
take_text(struct scan *s)
{
	const char *tag = memchr(s->p, '<', left(s));

	if (tag == NULL)
		tag = s->end;
	if (s->place.depth == 0) {
		while (s->p < tag && is_space(*s->p))
			s->p++;
		return s->p == tag ? 0 : bad(s, "text outside of its root");
	}
	while (s->p < tag) {
		const char *amp = memchr(s->p, '&', (size_t)(tag - s->p));
		const char *to = amp != NULL ? amp : tag;

		buf_add(&s->text, s->p, (size_t)(to - s->p));
		s->p = to;
		if (amp != NULL && take_reference(s) != 0)
			return -1;
	}
	return buf_check(&s->text, "an XML element's text", s->err);
}

static int
take_cdata(struct scan *s)
{
	const char *from = s->p + sizeof(CDATA) - 1;

	if (s->place.depth == 0)
		return bad(s, "text outside of its root");
	if (skip_past(s, "]]>") != 0)
		return -1;
	buf_add(&s->text, from, (size_t)(s->p - 3 - from));
	return buf_check(&s->text, "an XML element's text", s->err);
}

static size_t
name_len(const struct scan *s)
{
	const char *p = s->p;

	while (p < s->end && is_name_char(*p))
		p++;
	return (size_t)(p - s->p);
}

static int
enter(struct scan *s, const char *tag, size_t tag_len)
{
	const char *colon = memrchr(tag, ':', tag_len);
	const char *name = colon != NULL ? colon + 1 : tag;
	size_t len = tag_len - (size_t)(name - tag);
	struct element *e;

	if (s->place.depth == AZURE_XML_DEPTH_MAX)
		return err_set(s->err, ERR_CORRUPT, "XML nested over %d deep",
		    AZURE_XML_DEPTH_MAX);
	if (s->path_len + 1 + len > AZURE_XML_PATH_MAX)
		return err_set(s->err, ERR_CORRUPT,
		    "an XML element's path of over %d bytes",
		    AZURE_XML_PATH_MAX);
	e = &s->open[s->place.depth++];
	*e = (struct element){tag, tag_len, s->path_len};
	if (s->place.depth > 1)
		s->path[s->path_len++] = '/';
	memcpy(s->path + s->path_len, name, len);
	s->place.name = s->path + s->path_len;
	s->path_len += len;
	s->path[s->path_len] = '\0';
	s->had_root = true;
	buf_truncate(&s->text, 0);
	if (s->reader->open == NULL)
		return 0;
	return s->reader->open(s->reader->arg, &s->place, s->err);
}

static void
name_parent(struct scan *s, const struct element *left_behind)
{
	const struct element *e;

	s->place.depth--;
	s->path_len = left_behind->parent_len;
	s->path[s->path_len] = '\0';
	if (s->place.depth == 0)
		return;
	e = &s->open[s->place.depth - 1];
	s->place.name = s->path + e->parent_len + (s->place.depth > 1);
}

static int
leave(struct scan *s)
{
	const struct element *e = &s->open[s->place.depth - 1];

	if (s->encoded && s->text.len > 0 &&
	    url_decode(s->text.data, s->err) != 0) {
		s->err->kind = ERR_CORRUPT;
		return -1;
	}
	if (s->reader->close(s->reader->arg, &s->place, s->text.data, s->err) !=
	    0)
		return -1;
	name_parent(s, e);
	buf_truncate(&s->text, 0);
	s->encoded = false;
	return 0;
}

static void
skip_spaces(struct scan *s)
{
	while (s->p < s->end && is_space(*s->p))
		s->p++;
}

/* NAME="VALUE", of which only one name means anything to us. */
static int
take_attribute(struct scan *s)
{
	const char *name = s->p, *value;
	size_t len = name_len(s), value_len;
	char quote;

	s->p += len;
	skip_spaces(s);
	if (len == 0 || !at(s, "="))
		return bad(s, "a tag that is none");
	s->p++;
	skip_spaces(s);
	quote = left(s) > 0 ? *s->p : '\0';
	if (quote != '"' && quote != '\'')
		return bad(s, "an attribute without quotes");
	value = ++s->p;
	while (s->p < s->end && *s->p != quote && *s->p != '<')
		s->p++;
	if (s->p == s->end || *s->p != quote)
		return bad(s, "an attribute that does not end");
	value_len = (size_t)(s->p++ - value);
	if (len == 7 && memcmp(name, "Encoded", 7) == 0)
		s->encoded = value_len == 4 && memcmp(value, "true", 4) == 0;
	return 0;
}

/* s->p is at '<'. */
static int
take_start(struct scan *s)
{
	const char *tag = ++s->p;
	size_t len = name_len(s);
	bool is_empty;

	if (len == 0 || strchr("-.:0123456789", *tag) != NULL ||
	    tag[len - 1] == ':')
		return bad(s, "a tag that is none");
	if (s->place.depth == 0 && s->had_root)
		return bad(s, "more than one root");
	s->p += len;
	s->encoded = false;
	while (left(s) > 0 && is_space(*s->p)) {
		skip_spaces(s);
		if (left(s) > 0 && *s->p != '/' && *s->p != '>' &&
		    take_attribute(s) != 0)
			return -1;
	}
	is_empty = at(s, "/>");
	if (!is_empty && !at(s, ">"))
		return bad(s, "a tag that does not end");
	s->p += is_empty ? 2 : 1;
	if (enter(s, tag, len) != 0)
		return -1;
	return is_empty ? leave(s) : 0;
}

/* s->p is at "</". */
static int
take_end(struct scan *s)
{
	const struct element *e;

	if (s->place.depth == 0)
		return bad(s, "an end without a beginning");
	e = &s->open[s->place.depth - 1];
	s->p += 2;
	if (left(s) < e->tag_len || memcmp(s->p, e->tag, e->tag_len) != 0)
		return bad(s, "an end of another element");
	s->p += e->tag_len;
	skip_spaces(s);
	if (!at(s, ">"))
		return bad(s, "a tag that does not end");
	s->p++;
	return leave(s);
}

static int
take_next(struct scan *s)
{
	if (*s->p != '<')
		return take_text(s);
	if (at(s, "</"))
		return take_end(s);
	if (at(s, "<?"))
		return skip_past(s, "?>");
	if (at(s, CDATA))
		return take_cdata(s);
	if (at(s, "<!--")) {
		s->p += 4;
		return skip_past(s, "-->");
	}
	if (at(s, "<!"))
		return err_set(
		    s->err, ERR_CORRUPT, "XML with a document type is refused");
	return take_start(s);
}

int
azure_xml_read(const char *text, size_t len,
    const struct azure_xml_reader *reader, struct err *err)
{
	struct scan s = {
	    .begin = text,
	    .p = text,
	    .end = text + len,
	    .reader = reader,
	    .err = err,
	};
	int rc;

	s.place.path = s.place.name = s.path;
	buf_init(&s.text, AZURE_XML_TEXT_MAX);
	rc = check_chars(&s);
	if (rc == 0 && at(&s, "\xef\xbb\xbf"))
		s.p += 3;
	while (rc == 0 && s.p < s.end)
		rc = take_next(&s);
	if (rc == 0 && (s.place.depth > 0 || !s.had_root))
		rc = bad(&s, "it ends early");
	buf_release(&s.text);
	return rc;
}

static void
add_escaped(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++)
		switch (*text) {
		case '&':
			buf_adds(out, "&amp;");
			break;
		case '<':
			buf_adds(out, "&lt;");
			break;
		case '>':
			buf_adds(out, "&gt;");
			break;
		case '\r':
			buf_adds(out, "&#13;");
			break;
		default:
			buf_addc(out, *text);
		}
}

void
azure_xml_add(struct buf *out, const char *name, const char *text)
{
	buf_addc(out, '<');
	buf_adds(out, name);
	buf_addc(out, '>');
	add_escaped(out, text);
	buf_adds(out, "</");
	buf_adds(out, name);
	buf_addc(out, '>');
}
