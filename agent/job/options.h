/*
 * options.h -- the one table of everything that can be set.
 *
 * A row is an option's name in the configuration ("source.redis"), on the
 * command line ("--source"), in the environment ("DRSYNC_SOURCE_REDIS", made
 * from the first), its type, default and help.  Parsing, --help, the man
 * page, completions, `config show` and redaction all read this table.
 */
#ifndef AGENT_JOB_OPTIONS_H
#define AGENT_JOB_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum option {
	/* of the process */
	OPT_STATE_DIR,
	OPT_MEMORY,
	OPT_LOG_LEVEL,
	OPT_LOG_FORMAT,
	OPT_CA_FILE,
	OPT_CLOUD,
	OPT_IDENTITY_KIND,
	OPT_IDENTITY_CLIENT_ID,
	OPT_IDENTITY_OBJECT_ID,
	OPT_IDENTITY_RESOURCE_ID,
	OPT_IDENTITY_TENANT,
	OPT_IDENTITY_SECRET,
	OPT_IDENTITY_CERTIFICATE,
	OPT_IDENTITY_TOKEN_FILE,
	OPT_IDENTITY_ARC_DIR,
	OPT_ENDPOINT_LOGIN,
	OPT_ENDPOINT_ARM,
	OPT_ENDPOINT_KEYVAULT,
	OPT_REDIS_AUDIENCE,
	OPT_ARM_VERSION_ENTERPRISE,
	OPT_ARM_VERSION_REDIS,
	OPT_SPOOL_DIR,
	OPT_SPOOL_MAX,

	/* of a job */
	OPT_KIND,

	/* the source region */
	OPT_SOURCE_REDIS,
	OPT_SOURCE_FILE,
	OPT_SOURCE_RESOURCE,
	OPT_SOURCE_RESOURCE_AUTH,
	OPT_SOURCE_STORE_SUBSCRIPTION,
	OPT_EXPORT_PERMISSIONS,
	OPT_SOURCE_WAY,
	OPT_ALLOW_INCONSISTENT,
	OPT_KEYS_PER_SECOND,
	OPT_LATENCY_MOST,
	OPT_SOURCE_CHANGES,
	OPT_SOURCE_AUTH,
	OPT_SOURCE_USER,
	OPT_SOURCE_PASSWORD,
	OPT_SOURCE_SENTINEL_PASSWORD,
	OPT_SOURCE_TLS_CA,
	OPT_SOURCE_TLS_CERT,
	OPT_SOURCE_TLS_KEY,
	OPT_SOURCE_TLS_NAME,
	OPT_SOURCE_PROTECT,
	OPT_SOURCE_MEMORY,
	OPT_SOURCE_COW_PERCENT,
	OPT_SOURCE_FORK_MAX,
	OPT_FORKS_PER_HOST,
	OPT_RDB_COMPAT,
	OPT_SOURCE_STORE,
	OPT_SOURCE_STORE_KEY,
	OPT_SOURCE_STORE_SAS,

	/* the DR region */
	OPT_DR_REDIS,
	OPT_DR_RESOURCE,
	OPT_DR_RESOURCE_AUTH,
	OPT_DR_STORE_SUBSCRIPTION,
	OPT_DR_AUTH,
	OPT_DR_USER,
	OPT_DR_PASSWORD,
	OPT_DR_SENTINEL_PASSWORD,
	OPT_DR_TLS_CA,
	OPT_DR_TLS_CERT,
	OPT_DR_TLS_KEY,
	OPT_DR_TLS_NAME,
	OPT_DR_STORE,
	OPT_DR_STORE_KEY,
	OPT_DR_STORE_SAS,

	/* a part of the keys */
	OPT_FILTER_DBS,
	OPT_FILTER_NOT_DBS,
	OPT_FILTER_KEYS,
	OPT_FILTER_NOT_KEYS,
	OPT_FILTER_TYPES,
	OPT_FILTER_NOT_TYPES,
	OPT_FILTER_TTL,
	OPT_FILTER_FUNCTIONS,

	/* of a job of kind container: which blobs, and how they are kept */
	OPT_COPY_PREFIX,
	OPT_COPY_INCLUDE,
	OPT_COPY_EXCLUDE,
	OPT_COPY_SIZE,
	OPT_COPY_AGE,
	OPT_COPY_TYPES,
	OPT_COPY_TAGS,
	OPT_COPY_CARRY,
	OPT_COPY_ARCHIVED,
	OPT_COPY_HISTORY,
	OPT_COPY_VERIFY,
	OPT_COPY_CREATE,
	OPT_COPY_DELETE,
	OPT_DELETE_MOST,
	OPT_DELETE_PERCENT,
	OPT_DELETE_GRACE,
	OPT_COPY_AT_ONCE,
	OPT_COPY_REQUESTS,
	OPT_COPY_BYTES,
	OPT_COPY_TIMEOUT,
	OPT_COPY_LATE,
	OPT_COPY_WINDOW,

	/* how */
	OPT_CODEC,
	OPT_LEVEL,
	OPT_CIPHER_KEY,
	OPT_PART_MAX,
	OPT_IN_FLIGHT,
	OPT_IMPORT,
	OPT_RESTORER,
	OPT_CONNECTIONS,
	OPT_BIND,
	OPT_ADVERTISE,
	OPT_REPLICATION_PORT,
	OPT_REPLICATION_CERT,
	OPT_REPLICATION_KEY,
	OPT_REPLICATION_CA,
	OPT_PROMOTION_WAIT,
	OPT_ARM_TIMEOUT,
	OPT_ARM_SETTLE,
	OPT_TIMEOUT,
	OPTIONS
};

enum option_type {
	OPTION_TEXT,
	OPTION_URL, /* of a store or a Redis; shown without secrets */
	OPTION_PATH,
	OPTION_SECRET, /* by reference: env:NAME, file:PATH, keyvault:URL */
	OPTION_CHOICE,
	OPTION_INT,
	OPTION_SIZE,	 /* "8MiB", "64GiB", bytes */
	OPTION_DURATION, /* "90s", "15m", "2h" */
};

struct option_row {
	const char *key;
	const char *flag; /* without the dashes */
	const char *arg;  /* what stands for the value in help */
	enum option_type type;
	bool global;		    /* not of a job */
	const char *fallback;	    /* the default; NULL: none */
	const char *const *choices; /* OPTION_CHOICE; NULL-ended */
	int64_t least, most;	    /* OPTION_INT; of OPTION_SIZE least */
	const char *zero;	    /* OPTION_INT: a word for 0; or NULL */
	const char *help;
};

extern const struct option_row options[OPTIONS];

/* -1 when there is none of that name. */
int option_by_key(const char *key);
int option_by_flag(const char *flag);

/* "DRSYNC_SOURCE_REDIS"; out takes 64 bytes. */
void option_env(enum option, char out[64]);

#endif
