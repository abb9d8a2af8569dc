#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"

static void *
need(void *p)
{
	if (p == NULL) {
		fputs("out of memory\n", stderr);
		_exit(1);
	}
	return p;
}

void *
xmalloc(size_t n)
{
	return need(malloc(n));
}

void *
xcalloc(size_t n, size_t size)
{
	return need(calloc(n, size));
}

char *
xstrdup(const char *s)
{
	return need(strdup(s));
}

void *
xreallocarray(void *p, size_t n, size_t size)
{
	return need(reallocarray(p, n, size));
}
