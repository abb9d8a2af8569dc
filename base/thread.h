/* thread.h -- threads that leave every signal to the main one. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

struct err;

/* name is seen in ps and gdb; at most 15 bytes. */
int thread_start(pthread_t *, const char *name, void *(*run)(void *), void *arg,
    struct err *);

#endif
