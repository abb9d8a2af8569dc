#include <string.h>
#include <strings.h>

#include "base/err.h"

#include "rdb/resp_command.h"

#define LINE_MAX 8192

struct cursor {
	const char *p, *end;
};

static int
bad(struct err *err, const char *what)
{
	return err_set(err, ERR_CORRUPT, "no Redis command: %s", what);
}

/* As resp_command_parse(): a line without its end. */
static int
take_line(struct cursor *c, struct resp_arg *line, struct err *err)
{
	size_t have = (size_t)(c->end - c->p);
	const char *nl = memchr(c->p, '\n', have);

	if ((nl == NULL ? have : (size_t)(nl - c->p)) > LINE_MAX)
		return bad(err, "a line is too long");
	if (nl == NULL)
		return 0;
	line->data = c->p;
	line->len = (size_t)(nl - c->p);
	if (line->len > 0 && nl[-1] == '\r')
		line->len--;
	c->p = nl + 1;
	return 1;
}

/* "*3" or "$5": a number of at most max after the sign. */
static int
take_number(struct cursor *c, char sign, size_t max, size_t *n, struct err *err)
{
	struct resp_arg line;
	int rc = take_line(c, &line, err);

	if (rc != 1)
		return rc;
	if (line.len < 2 || line.len > 8 || line.data[0] != sign)
		return bad(err, "a length is missing");
	*n = 0;
	for (size_t i = 1; i < line.len; i++) {
		if (line.data[i] < '0' || line.data[i] > '9')
			return bad(err, "a length is no number");
		*n = 10 * *n + (size_t)(line.data[i] - '0');
	}
	return *n <= max ? 1 : bad(err, "a length is over its ceiling");
}

static int
take_bulk(struct cursor *c, struct resp_arg *arg, struct err *err)
{
	int rc = take_number(c, '$', RESP_COMMAND_ARG_MAX, &arg->len, err);

	if (rc != 1)
		return rc;
	if ((size_t)(c->end - c->p) < arg->len + 2)
		return 0;
	arg->data = c->p;
	c->p += arg->len + 2;
	return c->p[-2] == '\r' && c->p[-1] == '\n'
	    ? 1
	    : bad(err, "a string does not end where it should");
}

static int
take_array(struct cursor *c, struct resp_command *cmd, struct err *err)
{
	size_t n;
	int rc = take_number(c, '*', RESP_COMMAND_ARGS_MAX, &n, err);

	for (size_t i = 0; rc == 1 && i < n; i++)
		rc = take_bulk(c, &cmd->args[i], err);
	cmd->n = rc == 1 ? n : 0;
	return rc;
}

static int
take_inline(struct cursor *c, struct resp_command *cmd, struct err *err)
{
	struct resp_arg line;
	int rc = take_line(c, &line, err);
	const char *p = line.data;

	if (rc != 1)
		return rc;
	while (p < line.data + line.len) {
		const char *start = p;

		while (p < line.data + line.len && *p != ' ')
			p++;
		if (p > start && cmd->n == RESP_COMMAND_ARGS_MAX)
			return bad(err, "too many words");
		if (p > start)
			cmd->args[cmd->n++] = (struct resp_arg){
			    .data = start, .len = (size_t)(p - start)};
		if (p < line.data + line.len)
			p++;
	}
	return 1;
}

int
resp_command_parse(const char *in, size_t len, struct resp_command *cmd,
    size_t *taken, struct err *err)
{
	struct cursor c = {.p = in, .end = in + len};
	int rc;

	cmd->n = 0;
	if (len == 0)
		return 0;
	rc = in[0] == '*' ? take_array(&c, cmd, err)
			  : take_inline(&c, cmd, err);
	*taken = (size_t)(c.p - in);
	return rc;
}

bool
resp_command_is(const struct resp_command *cmd, size_t i, const char *word)
{
	return i < cmd->n && cmd->args[i].len == strlen(word) &&
	    strncasecmp(cmd->args[i].data, word, cmd->args[i].len) == 0;
}
