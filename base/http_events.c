#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/err.h"
#include "base/scope.h"

#include "base/http_events.h"

#define EVENTS_MAX 128

static int64_t
now_ms(void)
{
	return clock_system.mono_ms(&clock_system);
}

/*
 * of_socket is what was assigned to a socket that is in the set already, so
 * that the right way to set it is tried first.  Neither need be right, since a
 * descriptor that is closed leaves the set by itself and another one may have
 * its number by now; nor is it a failure that there is nothing to take out.
 */
static int
on_interest(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
	struct http_events *e = arg;
	struct epoll_event ev = {.data.fd = fd};
	int first = of_socket == NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
	int second = of_socket == NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(e->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (what != CURL_POLL_OUT)
		ev.events |= EPOLLIN;
	if (what != CURL_POLL_IN)
		ev.events |= EPOLLOUT;
	if (epoll_ctl(e->epoll, first, fd, &ev) != 0 &&
	    epoll_ctl(e->epoll, second, fd, &ev) != 0)
		return -1;
	curl_multi_assign(e->multi, fd, e);
	return 0;
}

static int
on_timer(CURLM *multi, long ms, void *arg)
{
	struct http_events *e = arg;

	(void)multi;
	e->timer_ms = ms < 0 ? INT64_MAX : ms == 0 ? 0 : now_ms() + ms;
	return 0;
}

int
http_events_init(struct http_events *e, CURLM *multi, struct err *err)
{
	/* Edges are enough to be woken by, and need not be read away. */
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET};

	e->multi = multi;
	e->timer_ms = INT64_MAX;
	e->epoll = epoll_create1(EPOLL_CLOEXEC);
	e->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ev.data.fd = e->wake;
	if (e->epoll == -1 || e->wake == -1 ||
	    epoll_ctl(e->epoll, EPOLL_CTL_ADD, e->wake, &ev) != 0)
		return err_sys(err, "waiting for HTTP");
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_interest);
	curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, e);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(multi, CURLMOPT_TIMERDATA, e);
	return 0;
}

void
http_events_release(struct http_events *e)
{
	if (e->epoll != -1)
		close(e->epoll);
	if (e->wake != -1)
		close(e->wake);
}

/* A socket that has failed tells so to whoever reads or writes. */
static int
bits_of(uint32_t events)
{
	int bits = 0;

	if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0)
		bits |= CURL_CSELECT_IN;
	if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0)
		bits |= CURL_CSELECT_OUT;
	return bits;
}

static int
pause_ms(const struct http_events *e, int64_t most_ms)
{
	int64_t timer_ms = e->timer_ms == INT64_MAX ? INT64_MAX
						    : e->timer_ms - now_ms();
	int64_t ms = timer_ms < most_ms ? timer_ms : most_ms;

	return ms < 0 ? 0 : ms < INT_MAX ? (int)ms : INT_MAX;
}

CURLMcode
http_events_turn(struct http_events *e, int64_t most_ms)
{
	struct epoll_event list[EVENTS_MAX];
	CURLMcode rc = CURLM_OK;
	int running, n;

	n = epoll_wait(e->epoll, list, EVENTS_MAX, pause_ms(e, most_ms));
	for (int i = 0; i < n && rc == CURLM_OK; i++)
		if (list[i].data.fd != e->wake)
			rc = curl_multi_socket_action(e->multi, list[i].data.fd,
			    bits_of(list[i].events), &running);
	if (rc == CURLM_OK && e->timer_ms != INT64_MAX &&
	    e->timer_ms <= now_ms()) {
		e->timer_ms = INT64_MAX;
		rc = curl_multi_socket_action(
		    e->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	return rc;
}

void
http_events_wake(struct http_events *e)
{
	static const uint64_t one = 1;
	ssize_t n;

	do
		n = write(e->wake, &one, sizeof(one));
	while (n == -1 && errno == EINTR);
}
