#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "agent/snapshot/progress.h"

const char *
step_name(enum step step)
{
	static const char *const names[STEPS] = {
	    [STEP_CHECK] = "check",
	    [STEP_SNAPSHOT] = "snapshot",
	    [STEP_COPY] = "copy",
	    [STEP_VERIFY] = "verify",
	    [STEP_IMPORT] = "import",
	    [STEP_COMPARE] = "compare",
	};

	return names[step];
}

void
progress_advance(
    struct progress *p, enum step step, uint64_t done, uint64_t total)
{
	if (p != NULL)
		p->advance(p, step, done, total, false);
}

void
progress_about(
    struct progress *p, enum step step, uint64_t done, uint64_t total)
{
	if (p != NULL)
		p->advance(p, step, done, total, true);
}

void
progress_note(struct progress *p, enum step step, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	if (p == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->note(p, step, text);
}
