/*
 * The text is read as units: a byte, or a percent escape for one, however
 * often it was escaped again (a URL in a URL's query holds %3D, one in that
 * holds %253D).  So "sig%3D" and "s%69g=" are seen for what they mean to the
 * service, and the text itself is copied as it stands.
 *
 * In doubt it takes out too much: a log line that says less can be borne.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"

#include "base/redact.h"

#define REDACTED "[redacted]"
#define NAME_MAX 64

/* '{"alg":"none"}', the shortest head of a signed token there is, has 20. */
#define TOKEN_HEAD_MIN 16

/* By which a secret is known again of which the rest was cut off. */
#define SHOWN_MIN 8

struct unit {
	char c;
	unsigned depth; /* times it was escaped */
	size_t len;	/* bytes of text */
};

static int
hex_pair(const char *p)
{
	int v = 0;

	for (int i = 0; i < 2; i++) {
		char c = p[i];

		if (!isxdigit((unsigned char)c))
			return -1;
		v = v << 4 |
		    (isdigit((unsigned char)c) ? c - '0'
					       : (c | 0x20) - 'a' + 10);
	}
	return v;
}

static struct unit
unit_at(const char *p)
{
	struct unit u = {.c = *p, .len = 1};
	int v;

	if (*p != '%' || (v = hex_pair(p + 1)) < 0)
		return u;
	u.len = 3;
	u.depth = 1;
	while (v == '%' && hex_pair(p + u.len) >= 0) {
		v = hex_pair(p + u.len);
		u.len += 2;
		u.depth++;
	}
	u.c = (char)v;
	return u;
}

static bool
is_name_char(char c)
{
	return c == '-' || c == '_' || isalnum((unsigned char)c);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_line_end(char c)
{
	return c == '\0' || c == '\n' || c == '\r';
}

static bool
is_quote(char c)
{
	return c == '"' || c == '\'' || c == '`';
}

static bool
in_list(const char *const list[], const char *name)
{
	for (; *list != NULL; list++)
		if (strcasecmp(*list, name) == 0)
			return true;
	return false;
}

bool
redact_header(const char *name)
{
	static const char *const headers[] = {"authorization",
	    "proxy-authorization", "cookie", "set-cookie", "api-key",
	    "x-functions-key", "ocp-apim-subscription-key", "x-identity-header",
	    "secret", "x-ms-encryption-key", "x-ms-source-encryption-key",
	    "x-ms-copy-source", "x-ms-copy-source-authorization",
	    "x-ms-rename-source", NULL};

	return in_list(headers, name);
}

/* Names of secrets wherever they stand: password=, "password": */
static bool
is_secret(const char *name)
{
	static const char *const exact[] = {"sig", "pwd", "pass", "masterauth",
	    "requirepass", "client_assertion", "apikey", "api_key", NULL};
	static const char *const endings[] = {"password", "passwd", "secret",
	    "token", "signature", "accountkey", "accesskey", NULL};
	size_t len = strlen(name);

	for (int i = 0; endings[i] != NULL; i++) {
		size_t n = strlen(endings[i]);

		if (n <= len && strcasecmp(name + len - n, endings[i]) == 0)
			return true;
	}
	return in_list(exact, name);
}

/* Only with '=': "code: BlobNotFound" and "key: too long" are no secrets. */
static bool
is_secret_parameter(const char *name)
{
	static const char *const names[] = {"code", "key", NULL};

	return in_list(names, name) || is_secret(name);
}

/* Behind the name that starts at p; of a long one, out has the end. */
static const char *
read_name(const char *p, char out[NAME_MAX + 1])
{
	size_t n = 0;
	struct unit u;

	for (; is_name_char((u = unit_at(p)).c); p += u.len) {
		if (n == NAME_MAX)
			memmove(out, out + 1, --n);
		out[n++] = u.c;
	}
	out[n] = '\0';
	return p;
}

/*
 * Behind the signed token (RFC 7519) that stands at p, whole or cut behind its
 * head, or NULL: base64url, where '{"' is "eyJ", with dots in between.
 */
static const char *
token_end(const char *p)
{
	static const char begin[] = "eyJ";
	const char *end = NULL;
	size_t head = 0;
	bool dot = false;
	struct unit u;

	for (; (u = unit_at(p)).c == '.' || is_name_char(u.c); p += u.len) {
		if (dot && u.c != '.')
			end = p + u.len;
		if (u.c == '.' && head < TOKEN_HEAD_MIN)
			return NULL;
		if (head < sizeof(begin) - 1 && u.c != begin[head])
			return NULL;
		dot = dot || u.c == '.';
		head++;
	}
	return end;
}

/* Behind quotes, escaped quotes and blanks. */
static const char *
skip_quotes(const char *p)
{
	struct unit u;

	for (; (u = unit_at(p)).c != '\0' &&
	     (is_quote(u.c) || is_blank(u.c) || u.c == '\\');
	     p += u.len)
		;
	return p;
}

/* Where the quoted value ends whose opening quote is at p. */
static const char *
quoted_end(const char *p, unsigned backslashes)
{
	struct unit open = unit_at(p);
	unsigned run = 0;
	struct unit u;

	for (p += open.len; *p != '\0'; p += u.len) {
		u = unit_at(p);
		if (u.c == open.c && u.depth <= open.depth &&
		    run <= backslashes)
			return p - run;
		run = u.c == '\\' && u.depth == 0 ? run + 1 : 0;
	}
	return p;
}

/* Where the value ends that starts at p, behind sep. */
static const char *
value_end(const char *p, struct unit sep, bool whole_line)
{
	const char *ends = whole_line ? "\r\n" : "&<>\"'` \t\r\n";
	struct unit u;

	for (; *p != '\0'; p += u.len) {
		u = unit_at(p);
		if (u.depth <= sep.depth && u.c != '\0' &&
		    strchr(ends, u.c) != NULL)
			break;
	}
	return p;
}

/*
 * name ends at p.  When a secret follows, copies up to where it starts, and
 * returns where it ends; else NULL.
 */
static const char *
take_value(struct buf *out, const char *from, const char *p, const char *name)
{
	const char *value = skip_quotes(p);
	struct unit sep = unit_at(value);
	bool header = redact_header(name);
	bool secret = header ||
	    (sep.c == '=' ? is_secret_parameter(name) : is_secret(name));
	unsigned backslashes = 0;
	struct unit u;

	if (!secret || (sep.c != '=' && sep.c != ':'))
		return NULL;
	value += sep.len;
	while (is_blank((u = unit_at(value)).c))
		value += u.len;
	for (; *value == '\\'; value++)
		backslashes++;
	u = unit_at(value);
	if (is_quote(u.c)) {
		buf_add(out, from, (size_t)(value - from) + u.len);
		p = quoted_end(value, backslashes);
	} else {
		buf_add(out, from, (size_t)(value - from));
		p = value_end(value, sep, header || sep.c == ':');
	}
	buf_adds(out, REDACTED);
	return p;
}

/* What stands behind "://", as far as it matters here. */
struct authority {
	const char *end;      /* the first slash, '?', '#' or blank */
	const char *token;    /* the first blank or quote */
	const char *line;     /* the line's end */
	const char *at;	      /* behind the last '@' in the token, or NULL */
	const char *line_at;  /* the same in the line */
	bool at_in_authority; /* user information, no doubt */
	bool odd_port;	      /* "host:" and then no number */
};

static void
scan_authority(const char *p, struct authority *a)
{
	bool bracket = false, port = false;
	struct unit u;

	*a = (struct authority){0};
	for (; !is_line_end((u = unit_at(p)).c); p += u.len) {
		if (a->token == NULL &&
		    (is_blank(u.c) || is_quote(u.c) || u.c == '<' ||
			u.c == '>'))
			a->token = p;
		if (a->end == NULL &&
		    (a->token != NULL || u.c == '/' || u.c == '?' ||
			u.c == '#'))
			a->end = p;
		if (u.c == '@') {
			a->line_at = p + u.len;
			if (a->token == NULL)
				a->at = p + u.len;
			if (a->end == NULL)
				a->at_in_authority = true;
		}
		if (a->end != NULL)
			continue;
		if (port && !isdigit((unsigned char)u.c) && u.c != ',')
			a->odd_port = true;
		bracket = u.c == '[' || (bracket && u.c != ']');
		port = (u.c == ':' && !bracket) || (port && u.c != ',');
	}
	a->line = p;
	if (a->token == NULL)
		a->token = p;
	if (a->end == NULL)
		a->end = a->token;
}

/*
 * Behind the user information of the authority at p.  One written carelessly,
 * with a '/', '#' or blank in the password, is still found where the scheme
 * has no use for an '@' later on or the port is none.
 */
static const char *
skip_userinfo(struct buf *out, const char *p, bool http)
{
	struct authority a;

	scan_authority(p, &a);
	if (a.at != NULL && (a.at_in_authority || a.odd_port || !http))
		return a.at;
	if (!a.odd_port)
		return p;
	if (a.line_at != NULL)
		return a.line_at;
	buf_adds(out, REDACTED);
	return a.end;
}

/* Behind the "://" at p, or NULL. */
static const char *
scheme_end(const char *p)
{
	for (const char *want = "://"; *want != '\0'; want++) {
		struct unit u = unit_at(p);

		if (u.c != *want)
			return NULL;
		p += u.len;
	}
	return p;
}

/* Whether p, in what an error quotes, is still in one word with a '/'. */
struct quoted {
	bool open, path;
};

static void
note_quoted(struct quoted *q, char c)
{
	if (c == '\'')
		*q = (struct quoted){.open = true};
	else if (is_blank(c) || is_line_end(c))
		*q = (struct quoted){0};
	else if (c == '/')
		q->path = q->open;
}

/* "'/etc/passwd': no such file" tells of a file, and no password. */
static bool
names_file(const struct quoted *q, const char *p)
{
	return q->path && p[0] == '\'' && p[1] == ':';
}

void
redact(struct buf *out, const char *text)
{
	char name[NAME_MAX + 1] = "";
	struct quoted quoted = {0};
	const char *p = text;

	while (*p != '\0') {
		const char *from = p;
		const char *end;

		if ((end = token_end(p)) != NULL) {
			buf_adds(out, REDACTED);
			name[0] = '\0';
			p = end;
		} else if (is_name_char(unit_at(p).c)) {
			p = read_name(p, name);
			end = names_file(&quoted, p)
			    ? NULL
			    : take_value(out, from, p, name);
			if (end != NULL)
				p = end;
			else
				buf_add(out, from, (size_t)(p - from));
		} else if ((end = scheme_end(p)) != NULL) {
			bool http = strcasecmp(name, "http") == 0 ||
			    strcasecmp(name, "https") == 0;

			buf_add(out, from, (size_t)(end - from));
			p = skip_userinfo(out, end, http);
		} else {
			note_quoted(&quoted, *p);
			p += unit_at(p).len;
			buf_add(out, from, (size_t)(p - from));
		}
	}
}

/* As far as tells one from another; both as units, since a secret may hold what
 * looks like an escape. */
static bool
begins_with(const char *p, const char *secret)
{
	for (int n = 0; n < SHOWN_MIN && *secret != '\0'; n++) {
		struct unit want = unit_at(secret), u = unit_at(p);

		if (u.c != want.c || *p == '\0')
			return false;
		secret += want.len;
		p += u.len;
	}
	return true;
}

bool
redact_shows(const char *text, const char *secret)
{
	for (; *text != '\0'; text++)
		if (begins_with(text, secret))
			return true;
	return false;
}
