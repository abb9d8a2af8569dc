/*
 * settings.h -- the values in force, and where each came from.
 *
 * Later wins: default, configuration file, environment, command line.  The
 * file is JSON with comments:
 *
 *	{
 *	  "state_dir": "/var/lib/drsync",
 *	  "jobs": {
 *	    "cache": {
 *	      "source": {"redis": "rediss://cache:6380", "user": "drsync",
 *	                 "password": {"env": "CACHE_PASSWORD"},
 *	                 "store": "https://acct.blob.core.windows.net/dumps"},
 *	      "dr": {"redis": "rediss://cache-dr:6380", "store": "https://..."},
 *	      "import": "after-each-sync"
 *	    }
 *	  }
 *	}
 *
 * Unknown keys are errors that suggest the nearest name; a secret that stands
 * there itself, and not as a reference, is refused.
 */
#ifndef AGENT_JOB_SETTINGS_H
#define AGENT_JOB_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "agent/job/options.h"

struct err;
struct secret;
struct settings;

#define SETTINGS_BYTES_MAX    ((size_t)1 << 20)
#define SETTINGS_DEFAULT_PATH "/etc/drsync/drsync.json"

enum origin { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_ENV, ORIGIN_FLAG };

const char *origin_name(enum origin);

/*
 * path NULL: SETTINGS_DEFAULT_PATH when it exists, else no file.  job NULL:
 * the settings of the process, and the options of a job from the environment
 * only.  ERR_USAGE for what is wrong with the file, with line or key.
 */
struct settings *settings_load(const char *path, const char *job, struct err *);
void settings_free(struct settings *);

/* From the command line. */
int
settings_set(struct settings *, enum option, const char *value, struct err *);

/* The names of the file's jobs, in its order; NULL past the last. */
const char *settings_job(const struct settings *, size_t i);
const char *settings_path(const struct settings *); /* NULL: no file */

/* NULL when it is not set and has no default. */
const char *settings_str(const struct settings *, enum option);
int64_t settings_int(const struct settings *, enum option); /* 0 unset */
uint64_t settings_size(const struct settings *, enum option);
int64_t settings_ms(const struct settings *, enum option);
enum origin settings_origin(const struct settings *, enum option);

/* The URL of a secret that is kept in Key Vault; NULL: it is not there. */
const char *settings_vault_url(const struct settings *, enum option);

/* Whether the source exports itself, and the DR Redis imports by itself. */
bool settings_source_by_arm(const struct settings *);
bool settings_dr_by_arm(const struct settings *);

/* Unset leaves the secret empty and is no error.  Not for one in Key Vault. */
int settings_secret(
    const struct settings *, enum option, struct secret *, struct err *);

/*
 * The job's "promotion": {"levers": [...]}, which arm/lever_set.h parses and
 * for which there is neither flag nor variable; NULL: it has none.
 */
const cJSON *settings_levers(const struct settings *);

/* As it may be shown: URLs without secrets, references as they stand. */
char *settings_shown(const struct settings *, enum option);

#endif
