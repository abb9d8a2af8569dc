#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <sys/mount.h>

#include <cmocka.h>

#include "base/chunk.h"
#include "base/xalloc.h"

#include "tests/sim/file_ground.h"

int
file_ground_setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	temp_dir_make(&g->dir);
	g->s = temp_dir_store(&g->dir);
	g->scope = scope_root(NULL);
	g->scope = scope_within(&g->scope, 60000);
	*state = g;
	return 0;
}

int
file_ground_teardown(void **state)
{
	struct ground *g = *state;

	store_free(g->s);
	/* A test that failed may have left its small disk there. */
	umount2(g->dir.path, MNT_DETACH);
	temp_dir_remove(&g->dir);
	free(g);
	return 0;
}

const char *
file_ground_path(const struct ground *g, const char *name)
{
	static char path[600];

	snprintf(path, sizeof(path), "%s/%s", g->dir.path, name);
	return path;
}

int
file_ground_put(
    const struct ground *g, const char *blob, const char *text, struct err *err)
{
	*err = (struct err){0};
	return store_put(
	    g->s, &g->scope, blob, text, strlen(text), NULL, NULL, err);
}

int
file_ground_stage(struct store *s, const struct scope *scope, const char *blob,
    unsigned i, const void *data, size_t len, struct err *err)
{
	struct chunk *c = chunk_view(data, len);
	struct block_id id;
	int rc;

	*err = (struct err){0};
	snprintf(id.hex, sizeof(id.hex), "00000000000000aa%08x", i);
	rc = s->ops->stage(s, scope, blob, &id, &c, 1, err);
	chunk_unref(c);
	return rc;
}

unsigned
file_ground_entries(const struct ground *g, const char *name, char found[1000])
{
	DIR *dir = opendir(file_ground_path(g, name));
	struct dirent *e;
	unsigned n = 0;

	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		n++;
		if (found != NULL)
			snprintf(found, 1000, "%s/%.255s",
			    file_ground_path(g, name), e->d_name);
	}
	closedir(dir);
	return n;
}
