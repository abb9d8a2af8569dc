#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/xalloc.h"

#include "base/digest.h"

struct digest {
	EVP_MD_CTX *ctx;
};

/*
 * These calls fail without memory, or where the machine's OpenSSL was set up
 * without the algorithm: in both cases nothing we do could be trusted.
 */
static void
must(bool ok)
{
	if (ok)
		return;
	fputs("OpenSSL has failed to compute a digest\n", stderr);
	_exit(1);
}

struct digest *
digest_new(enum digest_kind kind)
{
	struct digest *d = xcalloc(1, sizeof(*d));
	const EVP_MD *md = kind == DIGEST_MD5 ? EVP_md5() : EVP_sha256();

	d->ctx = EVP_MD_CTX_new();
	must(d->ctx != NULL && EVP_DigestInit_ex(d->ctx, md, NULL) == 1);
	return d;
}

void
digest_update(struct digest *d, const void *data, size_t len)
{
	must(EVP_DigestUpdate(d->ctx, data, len) == 1);
}

void
digest_final(struct digest *d, unsigned char *out)
{
	must(EVP_DigestFinal_ex(d->ctx, out, NULL) == 1);
}

void
digest_free(struct digest *d)
{
	if (d == NULL)
		return;
	EVP_MD_CTX_free(d->ctx);
	free(d);
}

void
sha256(const void *data, size_t len, unsigned char out[SHA256_BYTES])
{
	must(EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) == 1);
}

void
md5(const void *data, size_t len, unsigned char out[MD5_BYTES])
{
	must(EVP_Digest(data, len, out, NULL, EVP_md5(), NULL) == 1);
}

void
hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
    unsigned char out[SHA256_BYTES])
{
	/* A NULL key would mean the key of an earlier call. */
	must(HMAC(EVP_sha256(), key_len > 0 ? key : "", (int)key_len, data, len,
		 out, NULL) != NULL);
}

struct hmac {
	EVP_MAC_CTX *ready;
};

struct hmac *
hmac_new(const void *key, size_t key_len)
{
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(
		OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
	    OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	struct hmac *h = xcalloc(1, sizeof(*h));

	must(mac != NULL);
	h->ready = EVP_MAC_CTX_new(mac);
	must(h->ready != NULL &&
	    EVP_MAC_init(h->ready, key_len > 0 ? key : (const void *)"",
		key_len, params) == 1);
	EVP_MAC_free(mac);
	return h;
}

void
hmac_sum(const struct hmac *h, const void *data, size_t len,
    unsigned char out[SHA256_BYTES])
{
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(h->ready);
	size_t written;

	must(ctx != NULL && EVP_MAC_update(ctx, data, len) == 1 &&
	    EVP_MAC_final(ctx, out, &written, SHA256_BYTES) == 1);
	EVP_MAC_CTX_free(ctx);
}

void
hmac_free(struct hmac *h)
{
	if (h == NULL)
		return;
	EVP_MAC_CTX_free(h->ready);
	free(h);
}

void
hkdf_sha256(const void *key, size_t key_len, const void *salt, size_t salt_len,
    const char *info, void *out, size_t out_len)
{
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(
		OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
	    OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_KEY, (void *)key, key_len),
	    OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_SALT, (void *)salt, salt_len),
	    OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_INFO, (void *)info, strlen(info)),
	    OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx;

	must(kdf != NULL);
	ctx = EVP_KDF_CTX_new(kdf);
	must(ctx != NULL && EVP_KDF_derive(ctx, out, out_len, params) == 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

void
hex_encode(const void *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = '\0';
}

int
hex_decode(const char *text, void *out, size_t out_len, struct err *err)
{
	unsigned char *p = out;

	if (strlen(text) != 2 * out_len)
		return err_set(err, ERR_CORRUPT, "not %zu hexadecimal digits",
		    2 * out_len);
	for (size_t i = 0; i < out_len; i++) {
		int high = OPENSSL_hexchar2int((unsigned char)text[2 * i]);
		int low = OPENSSL_hexchar2int((unsigned char)text[2 * i + 1]);

		if (high < 0 || low < 0)
			return err_set(
			    err, ERR_CORRUPT, "not hexadecimal at %zu", 2 * i);
		p[i] = (unsigned char)(high << 4 | low);
	}
	return 0;
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_encode(struct buf *out, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		unsigned v = (unsigned)p[i] << 16;
		char quad[4];

		v |= n > 1 ? (unsigned)p[i + 1] << 8 : 0;
		v |= n > 2 ? p[i + 2] : 0;
		quad[0] = base64_digits[v >> 18];
		quad[1] = base64_digits[v >> 12 & 63];
		quad[2] = n > 1 ? base64_digits[v >> 6 & 63] : '=';
		quad[3] = n > 2 ? base64_digits[v & 63] : '=';
		buf_add(out, quad, sizeof(quad));
	}
}

/* 64 for what is none. */
static unsigned
digit_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0') + 52;
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* The bytes of four digits, 0 when they are none; padded only at the end. */
static size_t
decode_quad(const char *q, bool last, unsigned char out[3])
{
	size_t n = last && q[3] == '=' ? (q[2] == '=' ? 2 : 3) : 4;
	unsigned v = 0;

	for (size_t i = 0; i < 4; i++) {
		unsigned d = i < n ? digit_of(q[i]) : 0;

		if (d == 64)
			return 0;
		v = v << 6 | d;
	}
	out[0] = (unsigned char)(v >> 16);
	out[1] = (unsigned char)(v >> 8);
	out[2] = (unsigned char)v;

	/* Bits under the padding would give one value several texts. */
	if ((n == 2 && out[1] != 0) || (n == 3 && out[2] != 0))
		return 0;
	return n - 1;
}

int
base64_decode(struct buf *out, const char *text, struct err *err)
{
	size_t len = strlen(text);

	if (len % 4 != 0)
		return err_set(
		    err, ERR_CORRUPT, "not base64: %zu characters", len);
	for (size_t i = 0; i < len; i += 4) {
		unsigned char bytes[3];
		size_t n = decode_quad(text + i, i + 4 == len, bytes);

		if (n == 0)
			return err_set(
			    err, ERR_CORRUPT, "not base64 at %zu", i);
		buf_add(out, bytes, n);
	}
	return buf_check(out, "the decoded value", err);
}
