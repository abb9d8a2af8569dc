/*
 * The engine.
 *
 * Callers put calls on `submitted` under the lock and wake the engine; all
 * else belongs to the engine's thread.  At most connections_max calls run
 * inside curl_multi; the others wait in `waiting`, first come first served,
 * and not in libcurl's own queue, so that the time until their turn is no
 * stall of theirs.
 *
 * A call ends in one place, finish(), whether libcurl is through with it or
 * its scope has ended.  Only then does its owner hear of it, and nothing of
 * it is touched after that: this is what lets http_do() be a submit and a
 * wait, with the answer on the caller's stack.
 *
 * A call whose answer came is kept, to be begun again with another request.
 *
 * Scopes are looked at only when the earliest deadline or stall is due or
 * when some cancel was triggered, so that a busy engine with many calls does
 * not walk them all at every turn.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/thread.h"
#include "base/xalloc.h"

#include "base/http_call.h"
#include "base/http_events.h"

#define CONNECT_TIMEOUT_MS 10000
#define STALL_TIMEOUT_MS   60000
#define CONNECTIONS_MAX	   64

struct http {
	struct http_opts opts;
	char *ca_file;
	CURLM *multi;
	struct http_events events;
	pthread_t thread;

	/* Set by whoever triggers a cancel, who may hold any lock. */
	atomic_bool look;

	pthread_mutex_t lock;
	struct http_calls submitted;
	struct http_calls idle; /* that may be begun again */
	size_t nidle;
	size_t unfinished;
	bool stop;
	bool woken; /* for what was submitted since it was taken */

	/* The engine's own. */
	struct http_calls waiting, running;
	size_t nrunning;
	int64_t look_ms; /* when a deadline or a stall is next due */
};

/* The call is on no list any more. */
static void
finish(struct http *h, struct http_call *c, int rc, const struct err *err)
{
	struct http_response none = {0};
	struct http_response resp = c->resp;
	struct http_call *spare = c;
	http_done_fn *done = c->done;
	void *done_arg = c->done_arg;
	long sent = 0;

	cancel_unwatch(c->scope->cancel, &c->watch);
	/* Of heads, a CONNECT to a proxy too; counted as they are written. */
	curl_easy_getinfo(c->easy, CURLINFO_REQUEST_SIZE, &sent);
	c->req->sent = c->connected && sent > 0;
	if (rc == 0)
		c->resp = none;

	/* Before done: whoever hears of it may call http_free() at once. */
	pthread_mutex_lock(&h->lock);
	h->unfinished--;
	if (rc == 0 && h->nidle < h->opts.connections_max) {
		http_calls_append(&h->idle, c);
		h->nidle++;
		spare = NULL;
	}
	pthread_mutex_unlock(&h->lock);
	done(done_arg, rc, rc == 0 ? &resp : &none, err);
	http_call_free(spare);
}

static void
leave(struct http *h, struct http_call *c)
{
	if (!c->running) {
		http_calls_drop(&h->waiting, c);
		return;
	}
	curl_multi_remove_handle(h->multi, c->easy);
	http_calls_drop(&h->running, c);
	h->nrunning--;
}

static void
end_early(struct http *h, struct http_call *c, struct err *err)
{
	leave(h, c);
	http_call_blame(c->req, err);
	finish(h, c, -1, err);
}

/* False when the call had to end. */
static bool
look_at(struct http *h, struct http_call *c)
{
	struct err err = {0};
	int64_t again_ms;

	if (http_call_check(c, h->opts.stall_timeout_ms, &again_ms, &err) !=
	    0) {
		end_early(h, c, &err);
		return false;
	}
	if (again_ms < h->look_ms)
		h->look_ms = again_ms;
	return true;
}

static void
look_at_all(struct http *h, struct http_calls *l)
{
	struct http_call *next;

	for (struct http_call *c = l->first; c != NULL; c = next) {
		next = c->next;
		look_at(h, c);
	}
}

static int64_t
now_ms(void)
{
	return clock_system.mono_ms(&clock_system);
}

static void
look(struct http *h)
{
	if (!atomic_exchange(&h->look, false) && now_ms() < h->look_ms)
		return;
	h->look_ms = INT64_MAX;
	look_at_all(h, &h->running);
	look_at_all(h, &h->waiting);
}

/*
 * A cancel triggered before the submission set h->look too early to be seen,
 * so each call is looked at on arrival.
 */
static bool
take_submitted(struct http *h)
{
	struct http_calls taken;
	struct http_call *next;
	bool stop;

	pthread_mutex_lock(&h->lock);
	taken = h->submitted;
	h->submitted = (struct http_calls){0};
	stop = h->stop;
	h->woken = false;
	pthread_mutex_unlock(&h->lock);

	for (struct http_call *c = taken.first; c != NULL; c = next) {
		next = c->next;
		http_calls_append(&h->waiting, c);
		look_at(h, c);
	}
	return !stop;
}

static void
start_waiting(struct http *h)
{
	struct http_call *c;

	while (h->nrunning < h->opts.connections_max &&
	    (c = h->waiting.first) != NULL) {
		struct err err = {0};
		CURLMcode rc = curl_multi_add_handle(h->multi, c->easy);

		if (rc != CURLM_OK) {
			err_set(&err, ERR_SYSTEM, "libcurl: %s",
			    curl_multi_strerror(rc));
			end_early(h, c, &err);
			continue;
		}
		http_calls_drop(&h->waiting, c);
		http_call_start(c);
		http_calls_append(&h->running, c);
		h->nrunning++;
		look_at(h, c);
	}
}

static void
collect(struct http *h)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(h->multi, &left)) != NULL) {
		struct err err = {0};
		CURLcode verdict = msg->data.result;
		struct http_call *c;
		int rc;

		curl_easy_getinfo(
		    msg->easy_handle, CURLINFO_PRIVATE, (char **)&c);
		rc = http_call_verdict(c, verdict, &err);
		leave(h, c);
		finish(h, c, rc, &err);
	}
}

/* libcurl itself is at its end: out of memory or of descriptors. */
static void
fail_all(struct http *h, CURLMcode rc)
{
	struct http_call *c;

	while ((c = h->running.first) != NULL) {
		struct err err = {0};

		err_set(
		    &err, ERR_SYSTEM, "libcurl: %s", curl_multi_strerror(rc));
		end_early(h, c, &err);
	}
}

static int64_t
pause_ms(const struct http *h)
{
	return h->look_ms == INT64_MAX ? INT64_MAX : h->look_ms - now_ms();
}

static void *
engine(void *arg)
{
	struct http *h = arg;
	CURLMcode rc;

	while (take_submitted(h)) {
		look(h);
		start_waiting(h);
		rc = http_events_turn(&h->events, pause_ms(h));
		if (rc != CURLM_OK)
			fail_all(h, rc);
		collect(h);
	}
	/* Here and not in http_free(): the goodbyes of TLS can raise SIGPIPE,
	 * which only this thread keeps blocked. */
	curl_multi_cleanup(h->multi);
	return NULL;
}

static void
init_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int
check_opts(const struct http_opts *opts, struct err *err)
{
	if (opts->ca_file == NULL || access(opts->ca_file, R_OK) == 0)
		return 0;
	err_sys(err, "CA file '%s'", opts->ca_file);
	err->kind = ERR_USAGE;
	return -1;
}

static void
fill_opts(struct http *h, const struct http_opts *opts)
{
	h->opts = *opts;
	if (opts->ca_file != NULL)
		h->ca_file = xstrdup(opts->ca_file);
	h->opts.ca_file = h->ca_file;
	if (h->opts.connect_timeout_ms == 0)
		h->opts.connect_timeout_ms = CONNECT_TIMEOUT_MS;
	if (h->opts.stall_timeout_ms == 0)
		h->opts.stall_timeout_ms = STALL_TIMEOUT_MS;
	if (h->opts.connections_max == 0)
		h->opts.connections_max = CONNECTIONS_MAX;
}

struct http *
http_new(const struct http_opts *opts, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct http *h;

	if (check_opts(opts, err) != 0)
		return NULL;
	pthread_once(&once, init_curl);
	h = xcalloc(1, sizeof(*h));
	fill_opts(h, opts);
	h->look_ms = INT64_MAX;
	h->events = (struct http_events){.epoll = -1, .wake = -1};
	pthread_mutex_init(&h->lock, NULL);
	h->multi = curl_multi_init();
	if (h->multi == NULL) {
		err_set(err, ERR_SYSTEM, "libcurl: out of memory");
		goto fail;
	}
	if (http_events_init(&h->events, h->multi, err) != 0)
		goto fail;
	/* Idle ones count: a kept connection makes way for a wanted one. */
	curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
	    (long)h->opts.connections_max);
	curl_multi_setopt(
	    h->multi, CURLMOPT_MAXCONNECTS, (long)h->opts.connections_max);
	if (thread_start(&h->thread, "http", engine, h, err) != 0)
		goto fail;
	return h;

fail:
	if (h->multi != NULL)
		curl_multi_cleanup(h->multi);
	http_events_release(&h->events);
	pthread_mutex_destroy(&h->lock);
	free(h->ca_file);
	free(h);
	return NULL;
}

void
http_free(struct http *h)
{
	struct http_call *c;

	if (h == NULL)
		return;
	pthread_mutex_lock(&h->lock);
	assert(h->unfinished == 0);
	h->stop = true;
	http_events_wake(&h->events);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	while ((c = h->idle.first) != NULL) {
		http_calls_drop(&h->idle, c);
		http_call_free(c);
	}
	http_events_release(&h->events);
	pthread_mutex_destroy(&h->lock);
	free(h->ca_file);
	free(h);
}

static void
wake_engine(void *arg)
{
	struct http *h = arg;

	atomic_store(&h->look, true);
	http_events_wake(&h->events);
}

/* One that has ended, the latest, or another. */
static struct http_call *
get_call(struct http *h, struct err *err)
{
	struct http_call *c;

	pthread_mutex_lock(&h->lock);
	c = h->idle.last;
	if (c != NULL) {
		http_calls_drop(&h->idle, c);
		h->nidle--;
	}
	pthread_mutex_unlock(&h->lock);
	return c != NULL ? c : http_call_new(&h->opts, err);
}

int
http_submit(struct http *h, const struct scope *scope, struct http_request *req,
    http_done_fn *done, void *arg, struct err *err)
{
	struct http_call *c;

	req->sent = false;
	if (scope_check(scope, err) != 0)
		return http_call_blame(req, err);
	if (req->prepare != NULL &&
	    req->prepare(req, scope, req->prepare_arg, err) != 0)
		return -1;
	c = get_call(h, err);
	if (c == NULL)
		return http_call_blame(req, err);
	if (http_call_begin(c, &h->opts, scope, req, err) != 0) {
		http_call_free(c);
		return -1;
	}
	c->done = done;
	c->done_arg = arg;
	cancel_watch(scope->cancel, &c->watch, wake_engine, h);

	pthread_mutex_lock(&h->lock);
	http_calls_append(&h->submitted, c);
	h->unfinished++;
	/* Under the lock: once it is open the call may end, and its owner may
	 * free the engine, before this thread goes on. */
	if (!h->woken)
		http_events_wake(&h->events);
	h->woken = true;
	pthread_mutex_unlock(&h->lock);
	return 0;
}
