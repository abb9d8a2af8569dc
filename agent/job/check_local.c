/* What a job needs of this host: settings, its own files, a dump's file. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/chunk.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/relay.h"
#include "base/sink.h"
#include "storage/codec.h"
#include "storage/spool_file.h"

#include "agent/job/agent.h"
#include "agent/job/check_private.h"
#include "agent/job/ledger.h"
#include "agent/job/settings.h"
#include "agent/job/settings_check.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/reader_tap.h"

int
check_settings(struct checking *c, struct err *err)
{
	const char *path = settings_path(c->settings);

	if (settings_check(c->settings, err) != 0)
		return -1;
	snprintf(c->detail, sizeof(c->detail), "%s",
	    path != NULL ? path : "no configuration file");
	return 0;
}

int
check_ledger(struct checking *c, struct err *err)
{
	if (agent_ledger(c->agent, err) == NULL)
		return -1;
	snprintf(c->detail, sizeof(c->detail), "%s",
	    settings_str(c->settings, OPT_STATE_DIR));
	return 0;
}

int
check_cipher(struct checking *c, struct err *err)
{
	if (settings_str(c->settings, OPT_CIPHER_KEY) == NULL)
		return check_skip(c, "snapshots are not enciphered");
	if (agent_env(c->agent, err) == NULL)
		return -1;
	snprintf(c->detail, sizeof(c->detail), "is one, and can be read here");
	return 0;
}

/* That a directory exists does not say that a file can be made there. */
int
check_spool(struct checking *c, struct err *err)
{
	const char *dir = settings_str(c->settings, OPT_SPOOL_DIR);
	struct spool_file *file;
	struct statvfs fs;
	int rc;

	if (dir == NULL)
		dir = secure_getenv("TMPDIR");
	if (dir == NULL)
		dir = "/var/tmp";
	file = spool_file_open(dir, err);
	if (file == NULL)
		return -1;
	rc = spool_file_write(file, "", 1, 0, err);
	spool_file_close(file);
	if (rc != 0)
		return -1;
	if (statvfs(dir, &fs) != 0)
		return err_sys(err, "'%s'", dir);
	snprintf(c->detail, sizeof(c->detail),
	    "%s: written; %" PRIu64 " MiB free", dir,
	    (uint64_t)fs.f_bavail * fs.f_frsize >> 20);
	return 0;
}

/* Its first chunk only: to prove all of it is what a snapshot does. */
static struct chunk *
read_head(
    const char *path, const struct scope *scope, bool *whole, struct err *err)
{
	struct chunk *chunk = chunk_new(NULL, CHUNK_SIZE, scope, err);
	struct stat st = {0};
	ssize_t n = -1;
	int fd;

	if (chunk == NULL)
		return NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) != 0)
		err_sys(err, "'%s'", path);
	else if (!S_ISREG(st.st_mode))
		err_set(err, ERR_USAGE, "'%s' is no file", path);
	else if ((n = pread(fd, chunk_room(chunk), CHUNK_SIZE, 0)) < 0)
		err_sys(err, "reading '%s'", path);
	if (fd >= 0)
		close(fd);
	if (n < 0) {
		chunk_unref(chunk);
		return NULL;
	}
	chunk_set_len(chunk, (size_t)n);
	*whole = n == st.st_size;
	return chunk;
}

/* A file that is all in the chunk is proved to its end. */
static int
parse_head(struct checking *c, struct chunk *head, bool whole,
    struct rdb_reader *reader, struct err *err)
{
	const struct snapshot_env *env = agent_env(c->agent, err);
	struct codec_opts codec = {0};
	struct flow *flow;
	int rc = -1;

	if (env == NULL)
		return -1;
	codec.pool = env->pool;
	codec.budget = env->budget;
	flow = flow_new(&c->scope);
	if (flow_append(flow,
		decoder_new(codec_sniff(head->data, head->len),
		    flow_scope(flow), &codec, err)) != 0 ||
	    flow_append(flow, reader_tap_new(reader, true)) != 0 ||
	    flow_append(flow, null_sink_new()) != 0)
		goto out;
	rc = sink_write(flow_head(flow), head, err);
	if (rc == 0 && whole)
		rc = sink_finish(flow_head(flow), err);
	if (rc != 0)
		flow_failed(flow, err);
out:
	flow_free(flow);
	return rc;
}

int
check_source_file(struct checking *c, struct err *err)
{
	const char *path = settings_str(c->settings, OPT_SOURCE_FILE);
	struct rdb_reader *reader;
	struct chunk *head;
	bool whole;
	int rc;

	if (path == NULL)
		return check_skip(c, "not set");
	head = read_head(path, &c->scope, &whole, err);
	if (head == NULL)
		return -1;
	reader = rdb_reader_new();
	rc = parse_head(c, head, whole, reader, err);
	if (rc == 0) {
		rdb_reader_summary(reader, &c->file);
		c->file_newer = reader_newer(reader);
		snprintf(c->detail, sizeof(c->detail),
		    "%s: %s, RDB version %d%s%s", path,
		    codec_name(codec_sniff(head->data, head->len)),
		    c->file.version, c->file.valkey ? " of Valkey" : "",
		    c->file_newer ? ", newer than this drsync reads"
			: whole	  ? ", whole"
				  : "; its beginning is good");
	} else {
		err_in(err, "'%s'", path);
	}
	rdb_reader_free(reader);
	chunk_unref(head);
	return rc;
}
