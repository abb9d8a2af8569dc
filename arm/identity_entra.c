/* Service principals: Entra's client credentials grant, and a given token. */
#include <string.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/redact.h"
#include "base/url.h"
#include "arm/client_assertion.h"

#include "arm/identity_private.h"

#define FORM_MAX ((size_t)4 * SECRET_MAX) /* encoded, it may be three times */

#define BY_ASSERTION "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

static void
add_field(struct buf *form, const char *name, const char *value)
{
	if (form->len > 0)
		buf_addc(form, '&');
	buf_addf(form, "%s=", name);
	url_encode(form, value, false);
}

/* "https://storage.azure.com/" as the scope that has all of its rights. */
static void
add_scope(struct buf *form, const char *resource)
{
	size_t len = strlen(resource);
	struct buf scope;

	while (len > 0 && resource[len - 1] == '/')
		len--;
	buf_init(&scope, URL_MAX);
	buf_add(&scope, resource, len);
	buf_adds(&scope, "/.default");
	add_field(form, "scope", scope.data);
	buf_release(&scope);
}

/* A proxy in between may repeat what it was sent. */
static void
hush(struct identity *id, const struct secret *proof, struct err *err)
{
	if (proof->len > 0 && redact_shows(err->text, proof->data))
		err_set(err, err->kind,
		    "no token for %s: the service answered %d", id->name,
		    err->status);
}

static int
ask(struct identity *id, const struct scope *scope, struct buf *form,
    const struct secret *proof, struct token *token, struct err *err)
{
	struct chunk *body = chunk_view(form->data, form->len);
	struct http_request r = {.method = "POST", .body = &body, .nbody = 1};
	struct http_response response;
	struct buf url;
	int rc;

	buf_init(&url, URL_MAX);
	buf_adds(&url, id->endpoint);
	r.url = buf_take(&url);
	http_headers_add(
	    &r.headers, "Content-Type", "application/x-www-form-urlencoded");
	rc = identity_send(id, scope, &r, &response, err);
	if (rc == 0)
		rc = identity_take(id, scope, &response, token, err);
	if (rc != 0)
		hush(id, proof, err);
	http_request_release(&r);
	chunk_unref(body);
	return rc;
}

static int
ask_with(struct identity *id, const struct scope *scope, const char *resource,
    const struct secret *proof, bool assertion, struct token *token,
    struct err *err)
{
	struct buf form;
	int rc;

	buf_init(&form, FORM_MAX);
	add_field(&form, "grant_type", "client_credentials");
	add_field(&form, "client_id", id->client_id);
	add_scope(&form, resource);
	if (assertion) {
		add_field(&form, "client_assertion_type", BY_ASSERTION);
		add_field(&form, "client_assertion", proof->data);
	} else {
		add_field(&form, "client_secret", proof->data);
	}
	rc = buf_check(&form, "what is sent to prove who we are", err);
	if (rc == 0)
		rc = ask(id, scope, &form, proof, token, err);
	if (form.size > 0)
		explicit_bzero(form.data, form.size);
	buf_release(&form);
	return rc;
}

int
identity_ask_secret(struct identity *id, const struct scope *scope,
    const char *resource, struct token *token, struct err *err)
{
	return ask_with(id, scope, resource, &id->secret, false, token, err);
}

int
identity_ask_certificate(struct identity *id, const struct scope *scope,
    const char *resource, struct token *token, struct err *err)
{
	struct secret assertion = {0};
	int rc;

	if (client_assertion_make(id->file, id->client_id, id->endpoint, scope,
		&assertion, err) != 0)
		return err_in(err, "%s", id->name);
	rc = ask_with(id, scope, resource, &assertion, true, token, err);
	secret_release(&assertion);
	return rc;
}

/* Kubernetes puts another token there before the old one ends. */
int
identity_ask_federated(struct identity *id, const struct scope *scope,
    const char *resource, struct token *token, struct err *err)
{
	struct secret assertion = {0};
	int rc;

	if (secret_from_file(&assertion, id->file, err) != 0)
		return err_in(err, "%s: the federated token", id->name);
	rc = ask_with(id, scope, resource, &assertion, true, token, err);
	secret_release(&assertion);
	return rc;
}

/* When it ends is not known: who refuses it tells. */
int
identity_ask_token(struct identity *id, const struct scope *scope,
    const char *resource, struct token *token, struct err *err)
{
	(void)scope;
	(void)resource;
	(void)err;
	*token = (struct token){.expires_ms = INT64_MAX};
	secret_copy(&token->value, &id->secret);
	return 0;
}
