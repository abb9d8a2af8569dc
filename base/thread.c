#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "base/err.h"

#include "base/thread.h"

int
thread_start(pthread_t *thread, const char *name, void *(*run)(void *),
    void *arg, struct err *err)
{
	sigset_t all, old;
	int rc;

	/* Blocked before the start, since a thread inherits its mask: one that
	 * blocked them itself could be hit in between. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0) {
		errno = rc;
		return err_sys(err, "starting the thread '%s'", name);
	}
	pthread_setname_np(*thread, name);
	return 0;
}
