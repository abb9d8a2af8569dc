/*
 * What arm/ asks, put before a stand-in that is not of its making: it checks
 * the shape of each request, and the signature of each assertion.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/rsa.h>

#include "arm/arm_client.h"
#include "arm/client_assertion.h"
#include "arm/cloud.h"
#include "arm/identity.h"
#include "arm/redis_resource.h"
#include "base/buf.h"
#include "base/credential.h"
#include "base/err.h"
#include "base/http.h"
#include "base/journal.h"
#include "base/json.h"
#include "base/scope.h"
#include "rdb/redis_conn.h"
#include "tests/sim/azure_sim.h"
#include "tests/sim/real_redis.h"
#include "tests/sim/redis_data.h"
#include "tests/sim/self_signed.h"
#include "tests/sim/temp_dir.h"

#define AUDIENCE "https://management.azure.com/"
#define TENANT	 "72f988bf-86f1-41af-91ab-2d7cd011db47"
#define APP	 "11111111-2222-3333-4444-555555555555"
#define WORKLOAD "66666666-7777-8888-9999-000000000000"
#define ISSUER	 "https://cluster.example/"
#define GROUP	 "/subscriptions/s/resourceGroups/rg1/providers/Microsoft.Cache/"

/* Files of a principal, and the stand-in that knows it. */
struct rig {
	struct temp_dir dir;
	char pem[300], cert[300], assertion[300];
	struct azure_sim *azure;
	struct http *http;
	struct scope scope;
	struct cloud cloud;
	struct err err;
};

static char *
text_of(const char *path)
{
	static char text[8192];
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

static void
write_principal(struct rig *r)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	X509 *cert = self_signed(key);
	struct secret assertion = {0};
	FILE *f;

	snprintf(r->pem, sizeof(r->pem), "%s/app.pem", r->dir.path);
	snprintf(r->cert, sizeof(r->cert), "%s/app.crt", r->dir.path);
	snprintf(r->assertion, sizeof(r->assertion), "%s/token", r->dir.path);
	self_signed_write(r->pem, key, cert, NULL);
	self_signed_write(r->cert, NULL, cert, NULL);
	X509_free(cert);
	EVP_PKEY_free(key);
	assert_int_equal(
	    client_assertion_make(r->pem, ISSUER, "api://AzureADTokenExchange",
		&r->scope, &assertion, &r->err),
	    0);
	f = fopen(r->assertion, "w");
	assert_non_null(f);
	assert_true(fputs(assertion.data, f) >= 0);
	fclose(f);
	secret_release(&assertion);
}

static cJSON *
add_item(cJSON *list, const char *key, const char *value)
{
	cJSON *item = cJSON_CreateObject();

	cJSON_AddStringToObject(item, key, value);
	cJSON_AddItemToArray(list, item);
	return item;
}

static void
add_principals(const struct rig *r, cJSON *config)
{
	cJSON *list = cJSON_AddArrayToObject(config, "identities");
	cJSON *app = add_item(list, "kind", "app");
	cJSON *workload = add_item(list, "kind", "app");
	cJSON *federated = cJSON_AddObjectToObject(workload, "federated");

	cJSON_AddStringToObject(app, "clientId", APP);
	cJSON_AddStringToObject(app, "secret", "s p&=%");
	cJSON_AddStringToObject(app, "certificate", text_of(r->cert));
	cJSON_AddStringToObject(workload, "clientId", WORKLOAD);
	cJSON_AddStringToObject(federated, "issuer", ISSUER);
	cJSON_AddStringToObject(federated, "subject", ISSUER);
	cJSON_AddStringToObject(federated, "publicKey", text_of(r->cert));
}

static void
add_caches(cJSON *config, int port)
{
	static const char *const kinds[] = {"enterprise", "premium"};

	for (size_t i = 0; i < 2; i++) {
		cJSON *caches = cJSON_AddArrayToObject(config, kinds[i]);
		cJSON *cache = add_item(caches, "name", "west");
		cJSON *servers = cJSON_AddArrayToObject(cache, "redis");
		cJSON *server = cJSON_CreateObject();

		cJSON_AddItemToArray(servers, server);
		cJSON_AddNumberToObject(server, "port", port);
		cJSON_AddStringToObject(cache, "region", "West US 2");
	}
}

static void
rig_up(struct rig *r, int port)
{
	static const struct http_opts none;
	cJSON *config = cJSON_CreateObject();

	*r = (struct rig){.scope = scope_root(NULL)};
	r->scope = scope_within(&r->scope, 60000);
	temp_dir_make(&r->dir);
	write_principal(r);
	cJSON_AddStringToObject(config, "tenant", TENANT);
	cJSON_AddStringToObject(config, "subscription", "s");
	cJSON_AddStringToObject(config, "arcDir", r->dir.path);
	cJSON_AddNumberToObject(config, "retryAfter", 0);
	add_principals(r, config);
	if (port != 0)
		add_caches(config, port);
	r->azure = azure_sim_start(config);
	r->http = http_new(&none, &r->err);
	assert_non_null(r->http);
	r->cloud = *cloud_find("public", &r->err);
	r->cloud.login = azure_sim_url(r->azure, "login");
}

static void
rig_down(struct rig *r)
{
	http_free(r->http);
	azure_sim_stop(r->azure);
	temp_dir_remove(&r->dir);
}

static struct credential *
opened(struct rig *r, struct identity_opts opts)
{
	struct credential *c;

	opts.cloud = &r->cloud;
	opts.imds = azure_sim_url(r->azure, "imds");
	c = identity_open(&opts, r->http, &r->err);
	if (c == NULL)
		fail_msg("%s", r->err.text);
	return c;
}

static void
gets_a_token(struct rig *r, struct identity_opts opts)
{
	struct credential *c = opened(r, opts);
	struct token token = {0};

	if (c->ops->get(c, &r->scope, AUDIENCE, &token, &r->err) != 0)
		fail_msg("%s", r->err.text);
	assert_true(token.value.len > 1500);
	assert_true(token.expires_ms > scope_wall_ms(&r->scope) + 3000000);
	secret_release(&token.value);
	c->ops->free(c);
}

static void
a_service_principal_proves_itself_to_entra(void **state)
{
	struct secret key = {.data = "s p&=%", .len = strlen("s p&=%")};
	struct identity_opts app = {.client_id = APP, .tenant = TENANT};
	struct identity_opts workload = {
	    .client_id = WORKLOAD, .tenant = TENANT};
	struct rig r;

	(void)state;
	azure_sim_require();
	rig_up(&r, 0);
	app.kind = IDENTITY_SECRET;
	app.secret = &key;
	gets_a_token(&r, app);
	app.kind = IDENTITY_CERTIFICATE;
	app.secret = NULL;
	app.certificate = r.pem;
	gets_a_token(&r, app);
	workload.kind = IDENTITY_FEDERATED;
	workload.token_file = r.assertion;
	gets_a_token(&r, workload);
	rig_down(&r);
}

/* As the stand-in says that the environment is there, or without it. */
static void
take_environment(struct rig *r, const char *place, bool set)
{
	const cJSON *env, *of_place, *v;

	assert_int_equal(
	    json_get_object(azure_sim_told(r->azure), "env", &env, &r->err), 0);
	assert_int_equal(json_get_object(env, place, &of_place, &r->err), 0);
	for (v = of_place->child; v != NULL; v = v->next)
		assert_int_equal(set ? setenv(v->string, v->valuestring, 1)
				     : unsetenv(v->string),
		    0);
}

static void
a_machine_an_app_and_an_arc_server_get_tokens(void **state)
{
	struct rig r;

	(void)state;
	azure_sim_require();
	rig_up(&r, 0);
	gets_a_token(&r, (struct identity_opts){.kind = IDENTITY_IMDS});
	take_environment(&r, "appService", true);
	gets_a_token(&r, (struct identity_opts){.kind = IDENTITY_AUTO});
	take_environment(&r, "appService", false);
	take_environment(&r, "arc", true);
	gets_a_token(&r, (struct identity_opts){.arc_dir = r.dir.path});
	take_environment(&r, "arc", false);
	rig_down(&r);
}

static void
is_flushed(struct rig *r, struct arm_client *client, const char *text, int port)
{
	struct redis_resource_opts opts = {
	    .client = client, .journal = journal_memory_new()};
	struct operation_opts none = {0};
	struct redis_description d;
	struct operation_end end;
	struct redis_resource *res;
	struct redis_keys keys;
	struct redis_lack lack;
	struct operation *op;
	struct resource_id id;

	assert_int_equal(resource_id_parse(&id, text, &r->err), 0);
	res = redis_resource_new(&id, &opts);
	if (redis_resource_describe(res, &r->scope, &d, &r->err) != 0 ||
	    redis_resource_list_keys(res, &r->scope, &keys, &r->err) != 0)
		fail_msg("%s", r->err.text);
	assert_string_equal(d.location, "westus2");
	assert_int_equal(d.port, port);
	assert_false(d.tls);
	assert_int_equal(d.state, RESOURCE_READY);
	assert_int_equal(keys.primary.len, 44);
	if (redis_resource_lack(
		res, (1u << REDIS_RIGHTS) - 1, &r->scope, &lack, &r->err) != 0)
		fail_msg("%s", r->err.text);
	assert_string_equal(lack.actions, "");
	assert_false(lack.status_hidden);
	op = redis_resource_flush(res, &none, &r->scope, &r->err);
	if (op == NULL || operation_follow(op, &r->scope, &end, &r->err) != 0)
		fail_msg("%s", r->err.text);
	assert_int_equal(end.outcome, OPERATION_SUCCEEDED);
	assert_false(end.by_state);
	operation_free(op);
	redis_keys_release(&keys);
	redis_description_release(&d);
	redis_resource_free(res);
	journal_memory_free(opts.journal);
}

static void
both_kinds_of_redis_are_described_and_flushed(void **state)
{
	static const char *const ids[] = {
	    GROUP "redisEnterprise/west", GROUP "redis/west"};
	struct arm_client_opts opts = {.audience = AUDIENCE};
	struct arm_client *client;
	struct real_redis *redis;
	struct redis_conn *conn;
	struct rig r;

	(void)state;
	azure_sim_require();
	redis = real_redis_start(NULL);
	rig_up(&r, real_redis_port(redis));
	opts.http = r.http;
	opts.endpoint = azure_sim_url(r.azure, "arm");
	opts.credential = opened(
	    &r, (struct identity_opts){.kind = IDENTITY_IMDS});
	client = arm_client_new(&opts, &r.err);
	assert_non_null(client);
	for (size_t i = 0; i < 2; i++) {
		conn = redis_data_connect(redis, NULL);
		redis_data_do(conn, "SET key value");
		redis_conn_free(conn);
		is_flushed(&r, client, ids[i], real_redis_port(redis));
		conn = redis_data_connect(redis, NULL);
		assert_int_equal(redis_data_int(conn, "DBSIZE"), 0);
		redis_conn_free(conn);
	}
	arm_client_free(client);
	opts.credential->ops->free(opts.credential);
	rig_down(&r);
	real_redis_stop(redis);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_service_principal_proves_itself_to_entra),
	    cmocka_unit_test(a_machine_an_app_and_an_arc_server_get_tokens),
	    cmocka_unit_test(both_kinds_of_redis_are_described_and_flushed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
