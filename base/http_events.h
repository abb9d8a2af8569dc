/*
 * http_events.h -- what libcurl's transfers wait for, by epoll.
 *
 * Private to http.c.  With curl_multi_perform() each turn looks at each
 * transfer, and asks the kernel about it alone: ten polls for a small request
 * when 64 are under way (seen with libcurl 7.88).  Here a turn costs what has
 * happened.  All but http_events_wake() belongs to the engine's thread.
 */
#ifndef BASE_HTTP_EVENTS_H
#define BASE_HTTP_EVENTS_H

#include <stdint.h>

#include <curl/curl.h>

struct err;

struct http_events {
	CURLM *multi;
	int epoll, wake;  /* -1: none */
	int64_t timer_ms; /* when libcurl is to be called, by mono_ms */
};

/* Borrows multi, which tells it from here on what to wait for.  ERR_SYSTEM
 * when there are no descriptors left; release it all the same. */
int http_events_init(struct http_events *, CURLM *multi, struct err *);
void http_events_release(struct http_events *);

/*
 * Waits for at most so long, until something happens or it is woken, and lets
 * libcurl act on all that has happened.
 */
CURLMcode http_events_turn(struct http_events *, int64_t most_ms);

/* From any thread: the turn that goes on, or the next one, ends its wait. */
void http_events_wake(struct http_events *);

#endif
