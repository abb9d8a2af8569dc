#include <stdio.h>

#include <curl/curl.h>
#include <hiredis/hiredis.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <zstd.h>

#include "rdb/rdb_reader.h"

#include "agent/cmd/cmd.h"
#include "agent/cmd/show.h"

static int
run(struct cmd_call *c, struct err *err)
{
	const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
	char hiredis[32];
	cJSON *o;

	(void)err;
	snprintf(hiredis, sizeof(hiredis), "%d.%d.%d", HIREDIS_MAJOR,
	    HIREDIS_MINOR, HIREDIS_PATCH);
	if (c->json) {
		o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "version", DRSYNC_VERSION);
		cJSON_AddNumberToObject(
		    o, "rdb_version_redis", RDB_VERSION_REDIS_MAX);
		cJSON_AddNumberToObject(
		    o, "rdb_version_valkey", RDB_VERSION_VALKEY_MAX);
		cJSON_AddStringToObject(o, "hiredis", hiredis);
		cJSON_AddStringToObject(o, "curl", curl->version);
		cJSON_AddStringToObject(
		    o, "openssl", OpenSSL_version(OPENSSL_VERSION_STRING));
		cJSON_AddStringToObject(o, "sqlite", sqlite3_libversion());
		cJSON_AddStringToObject(o, "zstd", ZSTD_versionString());
		show_json(o);
		return 0;
	}
	printf("drsync %s\nreads RDB 1 to %d (Redis) and %d (Valkey)\n"
	       "hiredis %s, curl %s, OpenSSL %s, SQLite %s, zstd %s\n",
	    DRSYNC_VERSION, RDB_VERSION_REDIS_MAX, RDB_VERSION_VALKEY_MAX,
	    hiredis, curl->version, OpenSSL_version(OPENSSL_VERSION_STRING),
	    sqlite3_libversion(), ZSTD_versionString());
	return 0;
}

const struct cmd cmd_version = {
    .name = "version",
    .args = "",
    .summary = "the version, and those of the libraries",
    .text = "Tells the version of drsync, the RDB versions that it reads, "
	    "and the versions of the libraries that it runs with.",
    .run = run,
};
