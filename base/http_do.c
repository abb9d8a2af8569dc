#include <stdbool.h>

#include "base/err.h"
#include "base/monitor.h"

#include "base/http.h"

/* Where http_do() waits, on its stack. */
struct answer {
	struct monitor monitor;
	bool come;
	int rc;
	struct http_response *resp;
	struct err *err;
};

static void
take_answer(
    void *arg, int rc, struct http_response *resp, const struct err *err)
{
	struct answer *a = arg;

	monitor_lock(&a->monitor);
	a->rc = rc;
	*a->resp = *resp;
	if (rc != 0)
		*a->err = *err;
	a->come = true;
	monitor_broadcast(&a->monitor);
	monitor_unlock(&a->monitor);
}

int
http_do(struct http *h, const struct scope *scope, struct http_request *req,
    struct http_response *resp, struct err *err)
{
	struct answer a = {.resp = resp, .err = err};
	int rc;

	*resp = (struct http_response){0};
	monitor_init(&a.monitor);
	rc = http_submit(h, scope, req, take_answer, &a, err);
	if (rc == 0) {
		monitor_lock(&a.monitor);
		/* No scope: the engine sees that it ends with the caller's. */
		while (!a.come)
			monitor_wait(&a.monitor, NULL, err);
		monitor_unlock(&a.monitor);
		rc = a.rc;
	}
	monitor_release(&a.monitor);
	return rc;
}
