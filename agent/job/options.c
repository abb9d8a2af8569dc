#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "agent/job/options.h"
#include "agent/snapshot/memory_plan.h"
#include "arm/redis_resource.h"
#include "rdb/redis_login.h"
#include "storage/azure_sas.h"

static const char *const levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const formats[] = {"text", "json", NULL};
static const char *const codecs[] = {"gzip", "zstd", "none", NULL};
static const char *const imports[] = {
    "never", "on-failover", "after-each-sync", NULL};
static const char *const protects[] = {"warn", "refuse", "off", NULL};
static const char *const compats[] = {"auto", "newest", "redis-7.2", NULL};
static const char *const ways[] = {"auto", "sync", "arm", "scan", NULL};
static const char *const changes[] = {"ask", "probe", "trust", NULL};
static const char *const no_yes[] = {"no", "yes", NULL};
static const char *const resource_auths[] = {"sas", "identity", NULL};
static const char *const auths[] = {"password", "entra", NULL};
static const char *const clouds[] = {"public", "usgov", "china", NULL};
static const char *const restorers[] = {
    "auto", "replica", "restore", "arm", NULL};
static const char *const identities[] = {"auto", "imds", "app-service", "arc",
    "secret", "certificate", "federated", "token", "none", NULL};

static const char *const kinds[] = {"redis", "container", NULL};
static const char *const archives[] = {"skip", "rehydrate", NULL};
static const char *const verifies[] = {"service", "sample", "all", NULL};
static const char *const deletes[] = {"never", "mirror", NULL};
static const char *const lates[] = {"leave", "abort", NULL};

/* clang-format off */
const struct option_row options[OPTIONS] = {
[OPT_STATE_DIR] = {"state_dir", "state-dir", "DIR", OPTION_PATH,
    .global = true, .fallback = "/var/lib/drsync",
    .help = "where the ledger is kept"},
[OPT_MEMORY] = {"memory", "memory", "SIZE", OPTION_SIZE,
    .global = true, .fallback = "160MiB", .least = MEMORY_LEAST,
    .help = "ceiling of the data in flight, at least 64MiB: with less, blocks "
	"and ranges are smaller; the process needs about 90 MiB more"},
[OPT_LOG_LEVEL] = {"log.level", "log-level", "LEVEL", OPTION_CHOICE,
    .global = true, .fallback = "warn", .choices = levels,
    .help = "least level that is logged to stderr"},
[OPT_LOG_FORMAT] = {"log.format", "log-format", "FORMAT", OPTION_CHOICE,
    .global = true, .fallback = "text", .choices = formats,
    .help = "text, or one JSON document a line"},
[OPT_CA_FILE] = {"ca_file", "ca-file", "FILE", OPTION_PATH,
    .global = true,
    .help = "CA bundle for stores and Azure; default: the system's"},
[OPT_CLOUD] = {"cloud", "cloud", "NAME", OPTION_CHOICE,
    .global = true, .fallback = "public", .choices = clouds,
    .help = "which of Azure's clouds: public, usgov, china"},
[OPT_IDENTITY_KIND] = {"identity.kind", "identity", "KIND", OPTION_CHOICE,
    .global = true, .fallback = "auto", .choices = identities,
    .help = "who drsync is to Azure where no key or SAS is given: a managed "
	"identity (imds, app-service, arc), a service principal (secret, "
	"certificate, federated), a token that is given, none; auto: as the "
	"environment tells, else the machine's own"},
[OPT_IDENTITY_CLIENT_ID] = {"identity.client_id", "identity-client-id", "ID",
    OPTION_TEXT, .global = true,
    .help = "the service principal, or which managed identity; default: "
	"AZURE_CLIENT_ID"},
[OPT_IDENTITY_OBJECT_ID] = {"identity.object_id", "identity-object-id", "ID",
    OPTION_TEXT, .global = true,
    .help = "which managed identity, instead of its client id"},
[OPT_IDENTITY_RESOURCE_ID] = {"identity.resource_id", "identity-resource-id",
    "ID", OPTION_TEXT, .global = true,
    .help = "the same by /subscriptions/..."},
[OPT_IDENTITY_TENANT] = {"identity.tenant", "identity-tenant", "ID",
    OPTION_TEXT, .global = true,
    .help = "tenant of the service principal; default: AZURE_TENANT_ID"},
[OPT_IDENTITY_SECRET] = {"identity.secret", "identity-secret", "REF",
    OPTION_SECRET, .global = true,
    .help = "its secret, default: AZURE_CLIENT_SECRET; or the token that is "
	"given"},
[OPT_IDENTITY_CERTIFICATE] = {"identity.certificate", "identity-certificate",
    "FILE", OPTION_PATH, .global = true,
    .help = "its certificate and RSA key (PEM); default: "
	"AZURE_CLIENT_CERTIFICATE_PATH"},
[OPT_IDENTITY_TOKEN_FILE] = {"identity.token_file", "identity-token-file",
    "FILE", OPTION_PATH, .global = true,
    .help = "the token of a federated one, read each time; default: "
	"AZURE_FEDERATED_TOKEN_FILE"},
[OPT_IDENTITY_ARC_DIR] = {"identity.arc_dir", "identity-arc-dir", "DIR",
    OPTION_PATH, .global = true,
    .help = "where Azure Arc's agent puts its challenges; default: "
	"/var/opt/azcmagent/tokens"},
[OPT_ENDPOINT_LOGIN] = {"endpoints.login", "endpoint-login", "URL",
    OPTION_URL, .global = true,
    .help = "where Entra is, if not where the cloud has it; default: "
	"AZURE_AUTHORITY_HOST"},
[OPT_ENDPOINT_ARM] = {"endpoints.arm", "endpoint-arm", "URL", OPTION_URL,
    .global = true,
    .help = "where Resource Manager is, if not where the cloud has it"},
[OPT_ENDPOINT_KEYVAULT] = {"endpoints.keyvault", "endpoint-keyvault",
    "DOMAIN", OPTION_TEXT, .global = true,
    .help = "domain of key vaults, if not the cloud's (vault.azure.net)"},
[OPT_REDIS_AUDIENCE] = {"endpoints.redis_audience", "redis-audience", "ID",
    OPTION_TEXT, .global = true, .fallback = REDIS_RESOURCE,
    .help = "whom tokens for Redis are made out to, where a cloud has it "
	"otherwise"},
[OPT_ARM_VERSION_ENTERPRISE] = {"arm.api_version.redis_enterprise",
    "api-version-redis-enterprise", "DATE", OPTION_TEXT, .global = true,
    .help = "version of Resource Manager's interface to Managed Redis and "
	"Enterprise; default: " REDIS_ENTERPRISE_API_VERSION},
[OPT_ARM_VERSION_REDIS] = {"arm.api_version.redis", "api-version-redis",
    "DATE", OPTION_TEXT, .global = true,
    .help = "the same of Premium; default: " REDIS_PREMIUM_API_VERSION},
[OPT_SPOOL_DIR] = {"spool.dir", "spool-dir", "DIR", OPTION_PATH,
    .global = true,
    .help = "where compressed bytes wait when the store is slower than the "
	"source, which keys scan has seen, and what it read until it knows "
	"what changed meanwhile; "
	"default: TMPDIR, else /var/tmp"},
[OPT_SPOOL_MAX] = {"spool.max_bytes", "spool-max", "SIZE", OPTION_SIZE,
    .global = true, .fallback = "64GiB",
    .help = "ceiling of the spool; a run that would pass it ends cleanly; "
	"and, apart, of what scan keeps: more is not read again"},

[OPT_KIND] = {"kind", "kind", "KIND", OPTION_CHOICE,
    .fallback = "redis", .choices = kinds,
    .help = "what the job keeps in sync: a Redis, or the blobs of a container "
	"(or a prefix of one, or a directory)"},
[OPT_SOURCE_REDIS] = {"source.redis", "source", "URL", OPTION_URL,
    .help = "Redis to copy: redis://[USER@]HOST[:PORT][,HOST...], rediss:// "
	"for TLS, redis+sentinel://HOST[,HOST...]/NAME, unix:///PATH; of "
	"several hosts a replica is preferred"},
[OPT_SOURCE_FILE] = {"source.file", "source-file", "FILE", OPTION_PATH,
    .help = "RDB file to copy instead of a Redis"},
[OPT_SOURCE_RESOURCE] = {"source.resource", "source-resource", "ID",
    OPTION_TEXT,
    .help = "Azure Redis to copy, by its resource id /subscriptions/...: "
	"Managed Redis, Enterprise or Premium; it exports itself into a "
	"container of its own beside the store"},
[OPT_SOURCE_RESOURCE_AUTH] = {"source.resource_auth",
    "source-resource-auth", "BY", OPTION_CHOICE,
    .fallback = "sas", .choices = resource_auths,
    .help = "how that Redis writes there: by a SAS that it is given, or, "
	"Premium alone, by its own managed identity (identity), which needs "
	"Storage Blob Data Contributor on the account"},
[OPT_SOURCE_STORE_SUBSCRIPTION] = {"source.store_subscription",
    "store-subscription", "ID", OPTION_TEXT,
    .help = "subscription of the store's account, where that Redis reaches "
	"it by its own identity and is of another one"},
[OPT_EXPORT_PERMISSIONS] = {"arm.export_permissions", "export-permissions",
    "LETTERS", OPTION_TEXT, .fallback = AZURE_SAS_EXPORT,
    .help = "what the SAS that an export is given allows, in that container "
	"alone; as the service's page has it: read, add, create, write, "
	"delete, tag, move"},
[OPT_SOURCE_WAY] = {"source.way", "source-way", "WAY", OPTION_CHOICE,
    .fallback = "auto", .choices = ways,
    .help = "how the source is read: by replication (sync), by an export of "
	"its own (arm), or key by key (scan); auto: arm where source.resource "
	"is set, else sync, and scan where that is refused, only with "
	"allow_inconsistent"},
[OPT_ALLOW_INCONSISTENT] = {"allow_inconsistent", "allow-inconsistent",
    "YES", OPTION_CHOICE, .fallback = "no", .choices = no_yes,
    .help = "whether a snapshot may be no point in time (yes or no), as those "
	"by scan are"},
[OPT_KEYS_PER_SECOND] = {"source.max_keys_per_second", "max-keys-per-second",
    "N", OPTION_INT, .fallback = "0", .least = 0, .most = 100000000,
    .help = "scan asks for no more; 0: no limit"},
[OPT_LATENCY_MOST] = {"source.latency_max", "latency-max", "TIME",
    OPTION_DURATION, .fallback = "20ms",
    .help = "while the source's answers take longer, scan asks for less"},
[OPT_SOURCE_CHANGES] = {"source.changes", "source-changes", "HOW",
    OPTION_CHOICE, .fallback = "ask", .choices = changes,
    .help = "how scan knows, for its second pass, that the source tells of "
	"every change: by CONFIG GET (ask); where that is refused, by a key "
	"that it makes and deletes in one transaction (probe), or by your "
	"word, which is not verified (trust)"},
[OPT_SOURCE_AUTH] = {"source.auth", "source-auth", "BY", OPTION_CHOICE,
    .fallback = "password", .choices = auths,
    .help = "how the source is logged in to: by password, or by a token of "
	"the identity (entra), whose object id is the user then"},
[OPT_SOURCE_USER] = {"source.user", "source-user", "NAME", OPTION_TEXT,
    .help = "ACL user of the source; default: the URL's, else 'default'"},
[OPT_SOURCE_PASSWORD] = {"source.password", "source-password", "REF",
    OPTION_SECRET, .help = "password of the source"},
[OPT_SOURCE_SENTINEL_PASSWORD] = {"source.sentinel_password",
    "source-sentinel-password", "REF", OPTION_SECRET,
    .help = "password of the source's Sentinels; default: they have none"},
[OPT_SOURCE_TLS_CA] = {"source.tls.ca", "source-tls-ca", "FILE", OPTION_PATH,
    .help = "CA of the source's certificate; default: the system's"},
[OPT_SOURCE_TLS_CERT] = {"source.tls.cert", "source-tls-cert", "FILE",
    OPTION_PATH, .help = "client certificate for the source"},
[OPT_SOURCE_TLS_KEY] = {"source.tls.key", "source-tls-key", "FILE",
    OPTION_PATH, .help = "its private key"},
[OPT_SOURCE_TLS_NAME] = {"source.tls.server_name", "source-tls-name", "NAME",
    OPTION_TEXT, .help = "name expected in the source's certificate; "
	"default: the host"},
[OPT_SOURCE_PROTECT] = {"source.protect", "source-protect", "POLICY",
    OPTION_CHOICE, .fallback = "warn", .choices = protects,
    .help = "what a snapshot's fork may do to the source: 'warn' refuses what "
	"will hurt it and tells what may, 'refuse' refuses both, 'off' does "
	"not look"},
[OPT_SOURCE_MEMORY] = {"source.memory", "source-memory", "SIZE", OPTION_SIZE,
    .help = "memory of the source's machine or container; default: what it "
	"tells of its machine"},
[OPT_SOURCE_COW_PERCENT] = {"source.cow_percent", "source-cow-percent", "N",
    OPTION_INT, .fallback = "10", .least = 0, .most = 100,
    .help = "share of its memory that copy-on-write is reckoned to take: "
	"without room for that a snapshot hurts, for three times that it "
	"may"},
[OPT_SOURCE_FORK_MAX] = {"source.fork_max", "source-fork-max", "TIME",
    OPTION_DURATION, .fallback = "1s",
    .help = "a source whose last fork stopped it so long may be hurt; 0s: "
	"none is"},
[OPT_FORKS_PER_HOST] = {"source.forks_per_host", "forks-per-host", "N",
    OPTION_INT, .fallback = "1", .least = 1, .most = 1000,
    .help = "of a cluster's servers on one host so many make their dumps at "
	"once"},
[OPT_RDB_COMPAT] = {"rdb_compat", "rdb-compat", "VERSION", OPTION_CHOICE,
    .fallback = "auto", .choices = compats,
    .help = "RDB version that a Valkey 9 is asked for: 'auto', the newest "
	"that drsync proves; 'newest', whatever it has; 'redis-7.2', RDB 11, "
	"which Redis 7.2 and Valkey 8 load, and which fails when fields of "
	"hashes expire. Redis writes its own for everybody"},
[OPT_SOURCE_STORE] = {"source.store", "store", "URL", OPTION_URL,
    .help = "store in the source region: file:///DIR or "
	"https://ACCOUNT.blob.core.windows.net/CONTAINER[/PREFIX]"},
[OPT_SOURCE_STORE_KEY] = {"source.store_key", "store-key", "REF",
    OPTION_SECRET, .help = "account key of that store"},
[OPT_SOURCE_STORE_SAS] = {"source.store_sas", "store-sas", "REF",
    OPTION_SECRET, .help = "SAS of that store"},

[OPT_DR_REDIS] = {"dr.redis", "target", "URL", OPTION_URL,
    .help = "Redis in the DR region"},
[OPT_DR_RESOURCE] = {"dr.resource", "target-resource", "ID", OPTION_TEXT,
    .help = "resource id of that Redis, where Azure runs it: it imports the "
	"copy by itself then; what it holds is still looked at by its "
	"address"},
[OPT_DR_RESOURCE_AUTH] = {"dr.resource_auth", "target-resource-auth", "BY",
    OPTION_CHOICE, .fallback = "sas", .choices = resource_auths,
    .help = "how it reads the files: by a SAS of each, or, Premium alone, by "
	"its own managed identity (identity), which needs Storage Blob Data "
	"Contributor on the account"},
[OPT_DR_STORE_SUBSCRIPTION] = {"dr.store_subscription",
    "dr-store-subscription", "ID", OPTION_TEXT,
    .help = "subscription of the DR store's account, where the DR Redis "
	"reaches it by its own identity and is of another one"},
[OPT_DR_AUTH] = {"dr.auth", "target-auth", "BY", OPTION_CHOICE,
    .fallback = "password", .choices = auths,
    .help = "how the DR Redis is logged in to: by password, or by a token of "
	"the identity (entra), whose object id is the user then"},
[OPT_DR_USER] = {"dr.user", "target-user", "NAME", OPTION_TEXT,
    .help = "ACL user of the DR Redis"},
[OPT_DR_PASSWORD] = {"dr.password", "target-password", "REF", OPTION_SECRET,
    .help = "password of the DR Redis"},
[OPT_DR_SENTINEL_PASSWORD] = {"dr.sentinel_password",
    "target-sentinel-password", "REF", OPTION_SECRET,
    .help = "password of the DR Redis' Sentinels"},
[OPT_DR_TLS_CA] = {"dr.tls.ca", "target-tls-ca", "FILE", OPTION_PATH,
    .help = "CA of the DR Redis' certificate; default: the system's"},
[OPT_DR_TLS_CERT] = {"dr.tls.cert", "target-tls-cert", "FILE", OPTION_PATH,
    .help = "client certificate for the DR Redis"},
[OPT_DR_TLS_KEY] = {"dr.tls.key", "target-tls-key", "FILE", OPTION_PATH,
    .help = "its private key"},
[OPT_DR_TLS_NAME] = {"dr.tls.server_name", "target-tls-name", "NAME",
    OPTION_TEXT, .help = "name expected in its certificate; default: the "
	"host"},
[OPT_DR_STORE] = {"dr.store", "dr-store", "URL", OPTION_URL,
    .help = "store in the DR region"},
[OPT_DR_STORE_KEY] = {"dr.store_key", "dr-store-key", "REF", OPTION_SECRET,
    .help = "account key of the DR store"},
[OPT_DR_STORE_SAS] = {"dr.store_sas", "dr-store-sas", "REF", OPTION_SECRET,
    .help = "SAS of the DR store"},

[OPT_FILTER_DBS] = {"filter.dbs", "filter-db", "LIST", OPTION_TEXT,
    .help = "take these databases only: 0,3,8-15; a snapshot with any filter "
	"holds a part only and is never taken for a full one"},
[OPT_FILTER_NOT_DBS] = {"filter.not_dbs", "filter-not-db", "LIST",
    OPTION_TEXT, .help = "leave these databases out"},
[OPT_FILTER_KEYS] = {"filter.keys", "filter-key", "GLOBS", OPTION_TEXT,
    .help = "take only keys that match one of these, as in Redis' KEYS: "
	"'user:*,cart:[0-9]*'; a comma of a name is written \\,"},
[OPT_FILTER_NOT_KEYS] = {"filter.not_keys", "filter-not-key", "GLOBS",
    OPTION_TEXT, .help = "leave out keys that match one of these"},
[OPT_FILTER_TYPES] = {"filter.types", "filter-type", "LIST", OPTION_TEXT,
    .help = "take these types only: string, list, set, zset, hash, stream, "
	"module"},
[OPT_FILTER_NOT_TYPES] = {"filter.not_types", "filter-not-type", "LIST",
    OPTION_TEXT, .help = "leave these types out"},
[OPT_FILTER_TTL] = {"filter.ttl", "filter-ttl", "TTL", OPTION_TEXT,
    .help = "take only keys 'with' a TTL, or 'without', or with one that has "
	"so long to go when the dump is made: 1h.. (or more), ..30m (or "
	"less), 1h..7d"},
[OPT_FILTER_FUNCTIONS] = {"filter.functions", "filter-functions", "YES",
    OPTION_CHOICE, .fallback = "yes", .choices = no_yes,
    .help = "whether function libraries are taken (yes or no)"},

[OPT_COPY_PREFIX] = {"blobs.prefix", "prefix", "NAME", OPTION_TEXT,
    .help = "take only blobs whose names begin so, below the stores' own "
	"prefixes"},
[OPT_COPY_INCLUDE] = {"blobs.include", "include", "GLOBS", OPTION_TEXT,
    .help = "take only blobs that match one of these: '*' stands for any run "
	"but '/', '**' for any run, '?' for a character; a comma of a name is "
	"written \\,"},
[OPT_COPY_EXCLUDE] = {"blobs.exclude", "exclude", "GLOBS", OPTION_TEXT,
    .help = "leave out blobs that match one of these"},
[OPT_COPY_SIZE] = {"blobs.size", "size", "RANGE", OPTION_TEXT,
    .help = "take only blobs of that size: 1MiB.. (or more), ..64KiB (or "
	"less), 1KiB..1GiB"},
[OPT_COPY_AGE] = {"blobs.age", "age", "RANGE", OPTION_TEXT,
    .help = "take only blobs changed so long ago: 1h.. (or longer), ..7d, "
	"1h..7d"},
[OPT_COPY_TYPES] = {"blobs.types", "types", "LIST", OPTION_TEXT,
    .help = "take only these types: block, page, append"},
[OPT_COPY_TAGS] = {"blobs.tags", "tags", "LIST", OPTION_TEXT,
    .help = "take only blobs that have all these index tags: env=prod,team=*"},
[OPT_COPY_CARRY] = {"blobs.carry", "carry", "LIST", OPTION_TEXT,
    .fallback = "headers,metadata,tags,tier",
    .help = "what goes along with a blob and is kept equal"},
[OPT_COPY_ARCHIVED] = {"blobs.archived", "archived", "WHAT", OPTION_CHOICE,
    .fallback = "skip", .choices = archives,
    .help = "blobs in the archive tier, which cannot be read: skip them, and "
	"count them, or have the service rehydrate each into its copy, which "
	"it does within one account alone, takes hours, and costs"},
[OPT_COPY_HISTORY] = {"blobs.history", "history", "N", OPTION_INT,
    .fallback = "0", .least = 0, .most = 1000,
    .help = "keep so many of a blob's replaced contents beside it, under "
	"dated names, for accounts without versions"},
[OPT_COPY_VERIFY] = {"blobs.verify", "verify", "HOW", OPTION_CHOICE,
    .fallback = "service", .choices = verifies,
    .help = "what is believed of a copy: the sizes, MD5s and ETags that the "
	"service tells, or one in a hundred (sample) or each (all) is read "
	"back"},
[OPT_COPY_CREATE] = {"blobs.create", "create", "YES", OPTION_CHOICE,
    .fallback = "no", .choices = no_yes,
    .help = "make the destination's container when it is not there"},
[OPT_COPY_DELETE] = {"blobs.delete", "delete", "WHEN", OPTION_CHOICE,
    .fallback = "never", .choices = deletes,
    .help = "what becomes of a copy whose source is gone: it stays (never), or "
	"goes too (mirror), once both listings came to their end in order and "
	"the source was asked for it again"},
[OPT_DELETE_MOST] = {"blobs.delete_most", "delete-most", "N", OPTION_INT,
    .fallback = "1000", .least = 1, .most = 1000000000,
    .help = "with more to delete in one run, nothing is"},
[OPT_DELETE_PERCENT] = {"blobs.delete_percent", "delete-percent", "N",
    OPTION_INT, .fallback = "10", .least = 1, .most = 100,
    .help = "the same as a part of the destination's blobs"},
[OPT_DELETE_GRACE] = {"blobs.delete_grace", "delete-grace", "TIME",
    OPTION_DURATION, .fallback = "1d",
    .help = "how long a blob must have been missing, as runs have seen it, "
	"before its copy goes; 0s: no time"},
[OPT_COPY_AT_ONCE] = {"blobs.at_once", "at-once", "N", OPTION_INT,
    .fallback = "256", .least = 1, .most = 4096,
    .help = "most copies under way; how many there are up to that is found by "
	"trying"},
[OPT_COPY_REQUESTS] = {"blobs.requests_per_second", "requests-per-second",
    "N", OPTION_INT, .fallback = "0", .least = 0, .most = 1000000000,
    .help = "ceiling of requests; 0: none"},
[OPT_COPY_BYTES] = {"blobs.bytes_per_second", "bytes-per-second", "SIZE",
    OPTION_SIZE, .help = "ceiling of bytes copied; default: none"},
[OPT_COPY_TIMEOUT] = {"blobs.copy_timeout", "copy-timeout", "TIME",
    OPTION_DURATION, .fallback = "1h",
    .help = "what a copy that the service does on its own may take"},
[OPT_COPY_LATE] = {"blobs.late", "late", "WHAT", OPTION_CHOICE,
    .fallback = "leave", .choices = lates,
    .help = "what becomes of one that takes longer: it goes on, and the next "
	"run looks at it (leave), or it is aborted"},
[OPT_COPY_WINDOW] = {"blobs.window", "window", "HH:MM-HH:MM", OPTION_TEXT,
    .help = "work only in these hours of the day (UTC): 22:00-06:00; a run "
	"ends with them, and the next one goes on"},

[OPT_CODEC] = {"codec", "codec", "NAME", OPTION_CHOICE,
    .fallback = "gzip", .choices = codecs, .help = "how dumps are compressed"},
[OPT_LEVEL] = {"level", "level", "N", OPTION_INT,
    .fallback = "fast", .least = 0, .most = 19, .zero = "fast",
    .help = "compression level: fast (or 0), gzip 1 to 9, zstd 1 to 19"},
[OPT_CIPHER_KEY] = {"cipher_key", "cipher-key", "REF", OPTION_SECRET,
    .help = "key of 32 bytes (raw, hex or base64): parts are sealed with "
	"AES-256-GCM"},
[OPT_PART_MAX] = {"part_max", "part-max", "SIZE", OPTION_SIZE,
    .help = "most bytes in a part; default: what the store takes"},
[OPT_IN_FLIGHT] = {"in_flight", "in-flight", "N", OPTION_INT,
    .fallback = "4", .least = 1, .most = 16,
    .help = "blocks or ranges moved at once"},
[OPT_IMPORT] = {"import", "import", "WHEN", OPTION_CHOICE,
    .fallback = "never", .choices = imports,
    .help = "when the DR Redis may be overwritten"},
[OPT_RESTORER] = {"restorer", "restorer", "WAY", OPTION_CHOICE,
    .fallback = "auto", .choices = restorers,
    .help = "how the DR Redis is loaded: as our replica, by RESTORE, or by "
	"an import of Azure's (arm), which auto does where dr.resource is "
	"set"},
[OPT_CONNECTIONS] = {"connections", "connections", "N", OPTION_INT,
    .fallback = "4", .least = 1, .most = 64,
    .help = "connections of the way 'restore'"},
[OPT_BIND] = {"replication.bind", "bind", "ADDRESS", OPTION_TEXT,
    .help = "where the way 'replica' listens; default: the address by which "
	"the DR Redis is reached"},
[OPT_ADVERTISE] = {"replication.advertise", "advertise", "HOST", OPTION_TEXT,
    .help = "host that the DR Redis is told to connect to; default: bind"},
[OPT_REPLICATION_PORT] = {"replication.port", "replication-port", "PORT",
    OPTION_INT, .fallback = "0", .least = 0, .most = 65535,
    .help = "port of the way 'replica'; 0: any"},
[OPT_REPLICATION_CERT] = {"replication.tls_cert", "replication-tls-cert",
    "FILE", OPTION_PATH, .help = "certificate shown to the DR Redis; with "
	"key and CA: mutual TLS"},
[OPT_REPLICATION_KEY] = {"replication.tls_key", "replication-tls-key", "FILE",
    OPTION_PATH, .help = "its private key"},
[OPT_REPLICATION_CA] = {"replication.tls_ca", "replication-tls-ca", "FILE",
    OPTION_PATH, .help = "CA of the DR Redis' client certificate"},
[OPT_PROMOTION_WAIT] = {"promotion.wait", "promotion-wait", "TIME",
    OPTION_DURATION, .fallback = "2m",
    .help = "how long each of promotion.levers is waited for to take "
	"effect"},
[OPT_ARM_TIMEOUT] = {"arm_timeout", "arm-timeout", "TIME", OPTION_DURATION,
    .fallback = "6h",
    .help = "what an export or import by Azure may take"},
[OPT_ARM_SETTLE] = {"arm_settle", "arm-settle", "TIME", OPTION_DURATION,
    .fallback = "1m",
    .help = "where an export's end is told by its Redis' state alone, its "
	"files are taken when they have stayed the same for so long"},
[OPT_TIMEOUT] = {"timeout", "timeout", "TIME", OPTION_DURATION,
    .fallback = "24h", .help = "what takes longer is ended"},
};
/* clang-format on */

int
option_by_key(const char *key)
{
	for (int i = 0; i < OPTIONS; i++)
		if (strcmp(options[i].key, key) == 0)
			return i;
	return -1;
}

int
option_by_flag(const char *flag)
{
	for (int i = 0; i < OPTIONS; i++)
		if (strcmp(options[i].flag, flag) == 0)
			return i;
	return -1;
}

void
option_env(enum option o, char out[64])
{
	size_t n = (size_t)snprintf(out, 64, "DRSYNC_%s", options[o].key);

	for (size_t i = 7; i < n; i++)
		out[i] = out[i] == '.' ? '_'
				       : (char)toupper((unsigned char)out[i]);
}
