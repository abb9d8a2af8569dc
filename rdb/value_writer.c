#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "rdb/arg_spool.h"

#include "rdb/value_writer.h"

/* Beside a key's name, which may be as long as a bulk of the protocol. */
#define TEXT_MAX ((size_t)1 << 32)

void
value_writer_init(struct value_writer *w, const struct value_out *out,
    const struct value_server *server, size_t memory_max)
{
	memset(w, 0, sizeof(*w));
	w->out = *out;
	w->server = *server;
	w->args = arg_spool_new(memory_max);
	buf_init(&w->text, TEXT_MAX);
}

void
value_writer_release(struct value_writer *w)
{
	arg_spool_free(w->args);
	buf_release(&w->text);
}

void
value_begin(struct value_writer *w, size_t n, const char *verb)
{
	buf_truncate(&w->text, 0);
	buf_addf(&w->text, "*%zu\r\n", n);
	value_word(w, verb);
	value_arg(w, w->key, w->key_len);
}

void
value_begin_sub(
    struct value_writer *w, size_t n, const char *verb, const char *sub)
{
	buf_truncate(&w->text, 0);
	buf_addf(&w->text, "*%zu\r\n", n);
	value_word(w, verb);
	value_word(w, sub);
	value_arg(w, w->key, w->key_len);
}

void
value_arg(struct value_writer *w, const void *data, size_t len)
{
	buf_addf(&w->text, "$%zu\r\n", len);
	buf_add(&w->text, data, len);
	buf_adds(&w->text, "\r\n");
}

void
value_word(struct value_writer *w, const char *word)
{
	value_arg(w, word, strlen(word));
}

void
value_number(struct value_writer *w, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, n);
	value_word(w, text);
}

void
value_id(struct value_writer *w, struct rdb_stream_id id)
{
	char text[48];

	snprintf(text, sizeof(text), "%" PRIu64 "-%" PRIu64, id.ms, id.seq);
	value_word(w, text);
}

static int
flush_text(struct value_writer *w, struct err *err)
{
	if (buf_check(&w->text, "a command", err) != 0 ||
	    w->out.put(w->out.arg, w->text.data, w->text.len, err) != 0)
		return -1;
	buf_truncate(&w->text, 0);
	return 0;
}

int
value_put_spooled(struct value_writer *w, size_t i, struct err *err)
{
	buf_addf(&w->text, "$%" PRIu64 "\r\n", arg_spool_length(w->args, i));
	if (flush_text(w, err) != 0 ||
	    arg_spool_each(w->args, i, w->out.put, w->out.arg, err) != 0)
		return -1;
	buf_adds(&w->text, "\r\n");
	return 0;
}

int
value_send(struct value_writer *w, enum value_step step, struct err *err)
{
	if (flush_text(w, err) != 0)
		return -1;
	w->commands++;
	return w->out.end(w->out.arg, step, err);
}

int
value_gather(struct value_writer *w, const unsigned char *data, size_t len,
    bool last, struct err *err)
{
	uint64_t max = w->server.arg_max;

	if (arg_spool_at_hand(w->args) + len > max)
		return err_set(err, ERR_UNSUPPORTED,
		    "an element of over %" PRIu64
		    " bytes, which the server takes in no command (by its "
		    "%s): load it by way of 'replica'",
		    max, w->server.arg_setting);
	if (arg_spool_add(w->args, data, len, err) != 0)
		return -1;
	return last ? arg_spool_end(w->args, err) : 0;
}
