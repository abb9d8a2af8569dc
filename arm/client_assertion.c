#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"
#include "base/scope.h"
#include "base/secret.h"

#include "arm/client_assertion.h"

/* Ten minutes is the longest that the service recommends. */
#define LIFETIME_S 600

#define ASSERTION_MAX 16384

struct holder {
	X509 *cert;
	EVP_PKEY *key;
};

/* Nobody is there to be asked for a passphrase. */
static int
no_passphrase(char *out, int size, int writing, void *arg)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)arg;
	return 0;
}

static BIO *
view(const struct secret *pem)
{
	return BIO_new_mem_buf(pem->data, (int)pem->len);
}

static int
parse_holder(struct holder *h, const struct secret *pem, struct err *err)
{
	BIO *in = view(pem);

	h->cert = PEM_read_bio_X509(in, NULL, no_passphrase, NULL);
	BIO_free(in);
	if (h->cert == NULL)
		return err_set(err, ERR_USAGE, "it holds no certificate (PEM)");
	in = view(pem);
	h->key = PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL);
	BIO_free(in);
	if (h->key == NULL)
		return err_set(err, ERR_USAGE,
		    "it holds no private key (PEM, without a passphrase) "
		    "beside the certificate");
	if (EVP_PKEY_get_base_id(h->key) != EVP_PKEY_RSA)
		return err_set(err, ERR_USAGE,
		    "its key is none of RSA, which the service demands");
	if (X509_check_private_key(h->cert, h->key) != 1)
		return err_set(err, ERR_USAGE,
		    "its private key is not that of its first certificate");
	return 0;
}

static void
holder_release(struct holder *h)
{
	X509_free(h->cert);
	EVP_PKEY_free(h->key);
	/* What OpenSSL noted of a failure is told by us. */
	ERR_clear_error();
}

/* RFC 7515: base64 for URLs, without padding. */
static void
add_base64url(struct buf *out, const void *data, size_t len)
{
	struct buf plain;

	buf_init(&plain, ASSERTION_MAX);
	base64_encode(&plain, data, len);
	for (size_t i = 0; i < plain.len && plain.data[i] != '='; i++)
		buf_addc(out,
		    plain.data[i] == '+'       ? '-'
			: plain.data[i] == '/' ? '_'
					       : plain.data[i]);
	buf_release(&plain);
}

static void
add_json(struct buf *out, cJSON *o)
{
	char *text = json_format_line(o);

	add_base64url(out, text, strlen(text));
	free(text);
	cJSON_Delete(o);
}

static int
add_header(struct buf *out, X509 *cert, struct err *err)
{
	cJSON *o = cJSON_CreateObject();
	unsigned char thumb[EVP_MAX_MD_SIZE];
	unsigned len;
	struct buf text;

	if (X509_digest(cert, EVP_sha256(), thumb, &len) != 1) {
		cJSON_Delete(o);
		return err_set(err, ERR_SYSTEM, "the certificate's digest");
	}
	buf_init(&text, 64);
	add_base64url(&text, thumb, len);
	cJSON_AddStringToObject(o, "alg", "PS256");
	cJSON_AddStringToObject(o, "typ", "JWT");
	cJSON_AddStringToObject(o, "x5t#S256", text.data);
	add_json(out, o);
	buf_release(&text);
	return 0;
}

/* A random UUID (RFC 9562, version 4), so that no two assertions are one. */
static void
format_uuid(const struct scope *scope, char out[37])
{
	unsigned char b[16];
	char hex[33];

	scope_random(scope, b, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	hex_encode(b, sizeof(b), hex);
	snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
	    hex + 16, hex + 20);
}

static void
add_claims(struct buf *out, const char *client_id, const char *audience,
    const struct scope *scope)
{
	int64_t now_s = scope_wall_ms(scope) / 1000;
	cJSON *o = cJSON_CreateObject();
	char uuid[37];

	format_uuid(scope, uuid);
	cJSON_AddStringToObject(o, "aud", audience);
	cJSON_AddStringToObject(o, "iss", client_id);
	cJSON_AddStringToObject(o, "sub", client_id);
	cJSON_AddStringToObject(o, "jti", uuid);
	json_add_int(o, "nbf", now_s);
	json_add_int(o, "iat", now_s);
	json_add_int(o, "exp", now_s + LIFETIME_S);
	add_json(out, o);
}

/* RFC 7518, 3.5: PSS with SHA-256, its mask and a salt as long as it. */
static int
add_signature(struct buf *out, EVP_PKEY *key, struct err *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char signature[1024]; /* of a key of up to 8192 bits */
	size_t len = sizeof(signature);
	EVP_PKEY_CTX *pss;
	int rc = -1;

	if (ctx != NULL &&
	    EVP_DigestSignInit(ctx, &pss, EVP_sha256(), NULL, key) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(pss, RSA_PKCS1_PSS_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(pss, RSA_PSS_SALTLEN_DIGEST) ==
		1 &&
	    EVP_PKEY_CTX_set_rsa_mgf1_md(pss, EVP_sha256()) == 1 &&
	    EVP_DigestSign(ctx, signature, &len,
		(const unsigned char *)out->data, out->len) == 1) {
		buf_addc(out, '.');
		add_base64url(out, signature, len);
		rc = 0;
	}
	EVP_MD_CTX_free(ctx);
	return rc == 0 ? 0
		       : err_set(err, ERR_USAGE,
			     "its key cannot sign by PS256 (RSA of 2048 to "
			     "8192 bits)");
}

static int
make(const struct holder *h, const char *client_id, const char *audience,
    const struct scope *scope, struct secret *out, struct err *err)
{
	struct buf text;
	int rc = -1;

	buf_init(&text, ASSERTION_MAX);
	if (add_header(&text, h->cert, err) == 0) {
		buf_addc(&text, '.');
		add_claims(&text, client_id, audience, scope);
		rc = add_signature(&text, h->key, err);
	}
	if (rc == 0)
		rc = buf_check(&text, "the assertion", err);
	if (rc == 0)
		secret_set(out, text.data, text.len);
	if (text.size > 0)
		explicit_bzero(text.data, text.size);
	buf_release(&text);
	return rc;
}

int
client_assertion_make(const char *file, const char *client_id,
    const char *audience, const struct scope *scope, struct secret *out,
    struct err *err)
{
	struct secret pem = {0};
	struct holder h = {0};
	int rc = -1;

	if (secret_from_file(&pem, file, err) != 0)
		return err_in(err, "the certificate's file");
	if (parse_holder(&h, &pem, err) != 0)
		err_in(err, "'%.200s'", file);
	else if (make(&h, client_id, audience, scope, out, err) != 0)
		err_in(err, "'%.200s'", file);
	else
		rc = 0;
	holder_release(&h);
	secret_release(&pem);
	return rc;
}
