#include <stdlib.h>
#include <string.h>

#include "tests/sim/script_resp.h"

#define LINE_MAX_BYTES 64
#define WORD_MAX_BYTES ((size_t)1 << 20)

/* Behind the type. */
static int
read_number(struct script_conn *c, size_t *n)
{
	struct buf line;
	int rc;

	buf_init(&line, LINE_MAX_BYTES);
	rc = script_read_until(c, &line, "\r\n");
	*n = rc == 0 ? strtoul(line.data + 1, NULL, 10) : 0;
	buf_release(&line);
	return rc;
}

static int
read_word(struct script_conn *c, struct buf *words)
{
	struct buf word;
	size_t len;
	int rc;

	if (read_number(c, &len) != 0)
		return -1;
	buf_init(&word, WORD_MAX_BYTES);
	rc = script_read(c, &word, len + 2);
	if (rc == 0)
		buf_add(words, word.data, len);
	buf_release(&word);
	return rc;
}

int
script_read_command(struct script_conn *c, struct buf *words)
{
	size_t n;

	buf_truncate(words, 0);
	if (read_number(c, &n) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(words, ' ');
		if (read_word(c, words) != 0)
			return -1;
	}
	return 0;
}

void
script_answer_commands(struct script_conn *c, script_answer_fn *fn, void *arg)
{
	struct buf words;

	buf_init(&words, 1 << 20);
	while (
	    script_read_command(c, &words) == 0 && fn(c, arg, words.data) == 0)
		;
	buf_release(&words);
	script_close(c);
}

int
script_send_bulk(struct script_conn *c, const char *text)
{
	return script_sendf(c, "$%zu\r\n%s\r\n", strlen(text), text);
}
