#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/redact.h"
#include "base/scope.h"
#include "base/xalloc.h"

#include "agent/cmd/show.h"
#include "agent/cmd/wrap.h"

#define REDRAW_MS   100
#define NOTE_MAX    8192
#define NOTE_COLUMN 10

struct progress_line {
	struct progress progress;
	pthread_mutex_t lock; /* steps advance on threads of their own */
	struct scope scope;
	bool quiet, terminal;
	bool drawn; /* a line stands that must be taken away */
	enum step step;
	int64_t step_from_ms;
	int64_t drawn_ms;
};

static void
erase(struct progress_line *p)
{
	if (p->drawn)
		fputs("\r\033[K", stderr);
	p->drawn = false;
}

static void
draw(struct progress_line *p, uint64_t done, uint64_t total, bool about,
    int64_t now)
{
	const char *vague = about ? "about " : "";
	int64_t ms = now - p->step_from_ms;
	uint64_t rate = ms > 0 ? done * 1000 / (uint64_t)ms : 0;
	char a[32], b[32], c[32];

	erase(p);
	fprintf(stderr, "%-8s  %s", step_name(p->step), show_bytes(done, a));
	if (total > 0)
		fprintf(stderr, " of %s%s (%" PRIu64 " %%)", vague,
		    show_bytes(total, b), done * 100 / total);
	if (ms > 500 && rate > 0) {
		fprintf(stderr, ", %s/s", show_bytes(rate, c));
		if (total > done)
			fprintf(stderr, ", %s%s left", vague,
			    show_ms(
				(int64_t)((total - done) / rate) * 1000, c));
	}
	fflush(stderr);
	p->drawn = true;
	p->drawn_ms = now;
}

static void
on_advance(struct progress *progress, enum step step, uint64_t done,
    uint64_t total, bool about)
{
	struct progress_line *p = (struct progress_line *)progress;
	int64_t now;

	if (p->quiet || !p->terminal)
		return;
	pthread_mutex_lock(&p->lock);
	now = scope_mono_ms(&p->scope);
	/* A step that reads again begins again. */
	if (step != p->step || p->step_from_ms == 0 || done == 0) {
		p->step = step;
		p->step_from_ms = now;
		p->drawn_ms = 0;
	}
	if (now - p->drawn_ms >= REDRAW_MS)
		draw(p, done, total, about, now);
	pthread_mutex_unlock(&p->lock);
}

static void
on_note(struct progress *progress, enum step step, const char *text)
{
	struct progress_line *p = (struct progress_line *)progress;
	struct buf shown;

	if (p->quiet)
		return;
	/* Some tell why another way failed, as an error would. */
	buf_init(&shown, NOTE_MAX);
	redact(&shown, text);
	pthread_mutex_lock(&p->lock);
	erase(p);
	wrap_print(stderr, shown.data, NOTE_COLUMN,
	    fprintf(stderr, "%-8s  ", step_name(step)));
	pthread_mutex_unlock(&p->lock);
	buf_release(&shown);
}

struct progress_line *
progress_line_new(bool quiet)
{
	struct progress_line *p = xcalloc(1, sizeof(*p));

	p->progress.advance = on_advance;
	p->progress.note = on_note;
	pthread_mutex_init(&p->lock, NULL);
	p->scope = scope_root(NULL);
	p->quiet = quiet;
	p->terminal = isatty(STDERR_FILENO) == 1;
	return p;
}

struct progress *
progress_line_progress(struct progress_line *p)
{
	return &p->progress;
}

void
progress_line_clear(struct progress_line *p)
{
	pthread_mutex_lock(&p->lock);
	erase(p);
	fflush(stderr);
	pthread_mutex_unlock(&p->lock);
}

void
progress_line_free(struct progress_line *p)
{
	if (p == NULL)
		return;
	erase(p);
	fflush(stderr);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
