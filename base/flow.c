#include <stdlib.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/sink.h"
#include "base/xalloc.h"

#include "base/flow.h"

struct flow {
	struct cancel *cancel;
	struct scope scope;
	struct sink *head, *tail;
};

struct flow *
flow_new(const struct scope *scope)
{
	struct flow *f = xcalloc(1, sizeof(*f));

	f->cancel = cancel_new(scope->cancel);
	f->scope = scope_under(scope, f->cancel);
	return f;
}

const struct scope *
flow_scope(const struct flow *f)
{
	return &f->scope;
}

int
flow_append(struct flow *f, struct sink *take)
{
	if (take == NULL)
		return -1;
	if (f->tail != NULL)
		f->tail->next = take;
	else
		f->head = take;
	f->tail = take;
	return 0;
}

struct sink *
flow_head(const struct flow *f)
{
	return f->head;
}

int
flow_failed(const struct flow *f, struct err *err)
{
	for (struct sink *s = f->head; s != NULL; s = s->next) {
		struct err cause = {0};

		if (err->kind != ERR_CANCELLED)
			break;
		if (s->ops->failure != NULL && s->ops->failure(s, &cause))
			*err = cause;
	}
	return -1;
}

void
flow_free(struct flow *f)
{
	struct sink *next;

	if (f == NULL)
		return;
	cancel_trigger(f->cancel);
	for (struct sink *s = f->head; s != NULL; s = next) {
		next = s->next;
		sink_free(s);
	}
	cancel_free(f->cancel);
	free(f);
}
