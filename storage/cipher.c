/*
 * Both directions gather a chunk in the room of the chunk that they will pass
 * on, and encipher or decipher it there.  Whether a chunk is the last is part
 * of what is authenticated, so a full one waits until another byte or finish
 * tells.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/budget.h"
#include "base/chunk.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "storage/cipher_key.h"

#include "storage/cipher.h"

#define TAG_BYTES   16
#define NONCE_BYTES 12
#define SALT_BYTES  32
#define SEALED_SIZE (CHUNK_SIZE + TAG_BYTES)

/* Where things are in the header. */
enum {
	AT_MAGIC = 0,
	AT_SIZE = 8,
	AT_SALT = 12,
	AT_ID = AT_SALT + SALT_BYTES,
	HEADER_BYTES = AT_ID + CIPHER_KEY_ID_BYTES
};

#define AAD_MAX (HEADER_BYTES + CIPHER_SNAPSHOT_MAX + 1 + 4 + 8 + 1)

static const unsigned char magic[8] = "DRSYNC1";

struct cipher {
	struct sink base;
	const struct scope *scope;
	struct budget *budget;
	EVP_CIPHER_CTX *ctx;
	unsigned char key[CIPHER_KEY_BYTES];
	char *snapshot;
	unsigned part;

	unsigned char header[HEADER_BYTES];
	size_t header_fill; /* what came of it, when opening */

	struct chunk *chunk;
	size_t fill;
	uint64_t index; /* of that chunk */
};

static void
put_be(unsigned char *p, uint64_t v, unsigned bytes)
{
	while (bytes-- > 0) {
		p[bytes] = (unsigned char)v;
		v >>= 8;
	}
}

/* With the header complete: the part's own key, ready in ctx. */
static int
set_part_key(struct cipher *c, bool sealing, struct err *err)
{
	unsigned char key[CIPHER_KEY_BYTES];
	char info[CIPHER_SNAPSHOT_MAX + 64];
	int ok;

	snprintf(
	    info, sizeof(info), "drsync part v1 %s %u", c->snapshot, c->part);
	hkdf_sha256(c->key, sizeof(c->key), c->header + AT_SALT, SALT_BYTES,
	    info, key, sizeof(key));
	/* GCM's default nonce is 12 bytes. */
	ok = EVP_CipherInit_ex(
	    c->ctx, EVP_aes_256_gcm(), NULL, key, NULL, sealing);
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(c->key, sizeof(c->key));
	if (ok != 1)
		return err_set(err, ERR_SYSTEM, "OpenSSL has no AES-256-GCM");
	return 0;
}

static size_t
make_aad(const struct cipher *c, bool last, unsigned char aad[AAD_MAX])
{
	size_t name = strlen(c->snapshot) + 1;
	unsigned char *p = aad;

	memcpy(p, c->header, HEADER_BYTES);
	p += HEADER_BYTES;
	memcpy(p, c->snapshot, name);
	p += name;
	put_be(p, c->part, 4);
	put_be(p + 4, c->index, 8);
	p[12] = last;
	return (size_t)(p - aad) + 13;
}

/* Begin the chunk at index: its nonce and what is authenticated with it. */
static bool
begin_chunk(struct cipher *c, bool last)
{
	unsigned char nonce[NONCE_BYTES] = {0};
	unsigned char aad[AAD_MAX];
	size_t aad_len = make_aad(c, last, aad);
	int n;

	put_be(nonce + 4, c->index, 8);
	return EVP_CipherInit_ex(c->ctx, NULL, NULL, NULL, nonce, -1) == 1 &&
	    EVP_CipherUpdate(c->ctx, NULL, &n, aad, (int)aad_len) == 1;
}

static int
have_chunk(struct cipher *c, struct err *err)
{
	if (c->chunk == NULL)
		c->chunk = chunk_new(c->budget, SEALED_SIZE, c->scope, err);
	return c->chunk != NULL ? 0 : -1;
}

/* Append as many of *n bytes as fit below max; *n becomes their number. */
static int
gather(struct cipher *c, const unsigned char *p, size_t *n, size_t max,
    struct err *err)
{
	if (have_chunk(c, err) != 0)
		return -1;
	if (*n > max - c->fill)
		*n = max - c->fill;
	memcpy(chunk_room(c->chunk) + c->fill, p, *n);
	c->fill += *n;
	return 0;
}

/* Pass the gathered chunk on, len bytes of it. */
static int
pass_on(struct cipher *c, size_t len, struct err *err)
{
	struct chunk *out = c->chunk;
	int rc = 0;

	c->chunk = NULL;
	c->fill = 0;
	c->index++;
	chunk_set_len(out, len);
	if (len > 0)
		rc = sink_write(c->base.next, out, err);
	chunk_unref(out);
	return rc;
}

static int
seal_chunk(struct cipher *c, bool last, struct err *err)
{
	unsigned char *p;
	int n;

	if (have_chunk(c, err) != 0)
		return -1;
	p = chunk_room(c->chunk);
	if (!begin_chunk(c, last) ||
	    EVP_CipherUpdate(c->ctx, p, &n, p, (int)c->fill) != 1 ||
	    EVP_CipherFinal_ex(c->ctx, p + c->fill, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(
		c->ctx, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, p + c->fill) != 1)
		return err_set(err, ERR_SYSTEM,
		    "OpenSSL failed to seal chunk %" PRIu64, c->index);
	return pass_on(c, c->fill + TAG_BYTES, err);
}

/* The header goes out as soon as there is a stage to take it. */
static int
seal_begin(struct cipher *c, struct err *err)
{
	if (c->header_fill == HEADER_BYTES)
		return 0;
	c->header_fill = HEADER_BYTES;
	return sink_write_bytes(c->base.next, c->header, HEADER_BYTES, err);
}

static int
seal_write(struct sink *s, struct chunk *in, struct err *err)
{
	struct cipher *c = (struct cipher *)s;

	if (seal_begin(c, err) != 0)
		return -1;
	for (size_t off = 0; off < in->len;) {
		size_t n = in->len - off;

		if (c->fill == CHUNK_SIZE && seal_chunk(c, false, err) != 0)
			return -1;
		if (gather(c, in->data + off, &n, CHUNK_SIZE, err) != 0)
			return -1;
		off += n;
	}
	return 0;
}

static int
seal_finish(struct sink *s, struct err *err)
{
	struct cipher *c = (struct cipher *)s;

	if (seal_begin(c, err) != 0 || seal_chunk(c, true, err) != 0)
		return -1;
	return sink_finish(s->next, err);
}

static int
open_chunk(struct cipher *c, bool last, struct err *err)
{
	unsigned char *p = chunk_room(c->chunk);
	size_t len = c->fill - TAG_BYTES;
	int n;

	if (!begin_chunk(c, last) ||
	    EVP_CipherUpdate(c->ctx, p, &n, p, (int)len) != 1 ||
	    EVP_CIPHER_CTX_ctrl(
		c->ctx, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, p + len) != 1 ||
	    EVP_CipherFinal_ex(c->ctx, p + len, &n) != 1)
		return err_set(err, ERR_CORRUPT,
		    "sealed chunk %" PRIu64 " of part %u of '%s' is not "
		    "authentic: changed, out of place or cut",
		    c->index, c->part, c->snapshot);
	return pass_on(c, len, err);
}

static int
check_header(struct cipher *c, struct err *err)
{
	char in_header[2 * CIPHER_KEY_ID_BYTES + 1];
	unsigned char id[CIPHER_KEY_ID_BYTES];
	unsigned char size[4];

	put_be(size, CHUNK_SIZE, 4);
	if (memcmp(c->header + AT_MAGIC, magic, sizeof(magic)) != 0 ||
	    memcmp(c->header + AT_SIZE, size, sizeof(size)) != 0)
		return err_set(err, ERR_CORRUPT,
		    "part %u of '%s' has no header of a sealed part", c->part,
		    c->snapshot);
	cipher_key_id(c->key, id);
	if (memcmp(c->header + AT_ID, id, CIPHER_KEY_ID_BYTES) != 0) {
		hex_encode(c->header + AT_ID, CIPHER_KEY_ID_BYTES, in_header);
		return err_set(err, ERR_AUTH,
		    "part %u of '%s' was sealed with another key, of id %s",
		    c->part, c->snapshot, in_header);
	}
	return set_part_key(c, false, err);
}

/* Take what is missing of the header; *off moves past it. */
static int
open_header(
    struct cipher *c, const struct chunk *in, size_t *off, struct err *err)
{
	size_t n = HEADER_BYTES - c->header_fill;

	if (n == 0)
		return 0;
	if (n > in->len)
		n = in->len;
	memcpy(c->header + c->header_fill, in->data, n);
	c->header_fill += n;
	*off = n;
	return c->header_fill == HEADER_BYTES ? check_header(c, err) : 0;
}

static int
open_write(struct sink *s, struct chunk *in, struct err *err)
{
	struct cipher *c = (struct cipher *)s;
	size_t off = 0;

	if (open_header(c, in, &off, err) != 0)
		return -1;
	while (off < in->len) {
		size_t n = in->len - off;

		if (c->fill == SEALED_SIZE && open_chunk(c, false, err) != 0)
			return -1;
		if (gather(c, in->data + off, &n, SEALED_SIZE, err) != 0)
			return -1;
		off += n;
	}
	return 0;
}

static int
open_finish(struct sink *s, struct err *err)
{
	struct cipher *c = (struct cipher *)s;

	if (c->fill < TAG_BYTES)
		return err_set(err, ERR_CORRUPT,
		    "sealed part %u of '%s' is cut short", c->part,
		    c->snapshot);
	if (open_chunk(c, true, err) != 0)
		return -1;
	return sink_finish(s->next, err);
}

static void
cipher_free(struct sink *s)
{
	struct cipher *c = (struct cipher *)s;

	/* It may be plaintext that is not authentic, or not sealed yet. */
	if (c->chunk != NULL)
		OPENSSL_cleanse(chunk_room(c->chunk), SEALED_SIZE);
	chunk_unref(c->chunk);
	OPENSSL_cleanse(c->key, sizeof(c->key));
	EVP_CIPHER_CTX_free(c->ctx);
	budget_free(c->budget);
	free(c->snapshot);
	free(c);
}

static const struct sink_ops seal_ops = {
    .name = "seal",
    .write = seal_write,
    .finish = seal_finish,
    .free = cipher_free,
};

static const struct sink_ops open_ops = {
    .name = "open",
    .write = open_write,
    .finish = open_finish,
    .free = cipher_free,
};

static struct cipher *
cipher_new(const struct sink_ops *ops, const struct scope *scope,
    const struct cipher_opts *opts, struct err *err)
{
	struct cipher *c = xcalloc(1, sizeof(*c));

	c->base.ops = ops;
	c->scope = scope;
	c->snapshot = xstrdup(opts->snapshot);
	c->part = opts->part;
	c->ctx = EVP_CIPHER_CTX_new();
	if (c->ctx == NULL)
		abort();
	if (strlen(opts->snapshot) > CIPHER_SNAPSHOT_MAX) {
		err_set(err, ERR_USAGE, "a snapshot's id is over %d bytes",
		    CIPHER_SNAPSHOT_MAX);
		goto fail;
	}
	if (cipher_key_parse(opts->key, c->key, err) != 0)
		goto fail;
	c->budget = budget_carve(opts->budget, cipher_cost(opts), err);
	if (c->budget == NULL)
		goto fail;
	return c;
fail:
	cipher_free(&c->base);
	return NULL;
}

struct sink *
cipher_seal_new(
    const struct scope *scope, const struct cipher_opts *opts, struct err *err)
{
	struct cipher *c = cipher_new(&seal_ops, scope, opts, err);

	if (c == NULL)
		return NULL;
	memcpy(c->header + AT_MAGIC, magic, sizeof(magic));
	put_be(c->header + AT_SIZE, CHUNK_SIZE, 4);
	scope_random(scope, c->header + AT_SALT, SALT_BYTES);
	cipher_key_id(c->key, c->header + AT_ID);
	if (set_part_key(c, true, err) != 0) {
		cipher_free(&c->base);
		return NULL;
	}
	return &c->base;
}

struct sink *
cipher_open_new(
    const struct scope *scope, const struct cipher_opts *opts, struct err *err)
{
	struct cipher *c = cipher_new(&open_ops, scope, opts, err);

	return c != NULL ? &c->base : NULL;
}

size_t
cipher_cost(const struct cipher_opts *opts)
{
	return (opts->held + (size_t)1) * SEALED_SIZE;
}

uint64_t
cipher_size(uint64_t raw)
{
	uint64_t chunks = raw / CHUNK_SIZE + (raw % CHUNK_SIZE != 0);

	if (chunks == 0)
		chunks = 1;
	return HEADER_BYTES + raw + chunks * TAG_BYTES;
}
