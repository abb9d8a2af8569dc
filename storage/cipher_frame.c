#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/chunk.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/cipher.h"

#include "storage/cipher_frame.h"

#define NONCE_BYTES 12

/* Where things are in the header. */
enum {
	AT_MAGIC = 0,
	AT_SIZE = 8,
	AT_SALT = 12,
	AT_ID = AT_SALT + FRAME_SALT_BYTES,
};

#define AAD_MAX (FRAME_HEADER_BYTES + CIPHER_SNAPSHOT_MAX + 1 + 4 + 8 + 1)

static const unsigned char magic[8] = "DRSYNC1";

struct cipher_frame {
	EVP_CIPHER_CTX *ctx;
	unsigned char key[CIPHER_KEY_BYTES]; /* until the header is there */
	char *snapshot;
	unsigned part;
	unsigned char header[FRAME_HEADER_BYTES];
	uint64_t index; /* of the next chunk */
};

struct cipher_frame *
cipher_frame_new(const struct secret *key, const char *snapshot, unsigned part,
    struct err *err)
{
	struct cipher_frame *f = xcalloc(1, sizeof(*f));

	f->snapshot = xstrdup(snapshot);
	f->part = part;
	f->ctx = EVP_CIPHER_CTX_new();
	if (f->ctx == NULL)
		abort();
	if (strlen(snapshot) > CIPHER_SNAPSHOT_MAX) {
		err_set(err, ERR_USAGE, "a snapshot's id is over %d bytes",
		    CIPHER_SNAPSHOT_MAX);
		goto fail;
	}
	if (cipher_key_parse(key, f->key, err) != 0)
		goto fail;
	return f;
fail:
	cipher_frame_free(f);
	return NULL;
}

void
cipher_frame_free(struct cipher_frame *f)
{
	if (f == NULL)
		return;
	OPENSSL_cleanse(f->key, sizeof(f->key));
	EVP_CIPHER_CTX_free(f->ctx);
	free(f->snapshot);
	free(f);
}

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
set_part_key(struct cipher_frame *f, bool sealing, struct err *err)
{
	unsigned char key[CIPHER_KEY_BYTES];
	char info[CIPHER_SNAPSHOT_MAX + 64];
	int ok;

	snprintf(
	    info, sizeof(info), "drsync part v1 %s %u", f->snapshot, f->part);
	hkdf_sha256(f->key, sizeof(f->key), f->header + AT_SALT,
	    FRAME_SALT_BYTES, info, key, sizeof(key));
	/* GCM's default nonce is 12 bytes. */
	ok = EVP_CipherInit_ex(
	    f->ctx, EVP_aes_256_gcm(), NULL, key, NULL, sealing);
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(f->key, sizeof(f->key));
	if (ok != 1)
		return err_set(err, ERR_SYSTEM, "OpenSSL has no AES-256-GCM");
	return 0;
}

int
cipher_frame_make_header(struct cipher_frame *f, const struct scope *scope,
    unsigned char header[FRAME_HEADER_BYTES], struct err *err)
{
	memcpy(f->header + AT_MAGIC, magic, sizeof(magic));
	put_be(f->header + AT_SIZE, CHUNK_SIZE, 4);
	scope_random(scope, f->header + AT_SALT, FRAME_SALT_BYTES);
	cipher_key_id(f->key, f->header + AT_ID);
	memcpy(header, f->header, FRAME_HEADER_BYTES);
	return set_part_key(f, true, err);
}

int
cipher_frame_take_header(struct cipher_frame *f,
    const unsigned char header[FRAME_HEADER_BYTES], struct err *err)
{
	char in_header[2 * CIPHER_KEY_ID_BYTES + 1];
	unsigned char id[CIPHER_KEY_ID_BYTES];
	unsigned char size[4];

	put_be(size, CHUNK_SIZE, 4);
	if (memcmp(header + AT_MAGIC, magic, sizeof(magic)) != 0 ||
	    memcmp(header + AT_SIZE, size, sizeof(size)) != 0)
		return err_set(err, ERR_CORRUPT,
		    "part %u of '%s' has no header of a sealed part", f->part,
		    f->snapshot);
	cipher_key_id(f->key, id);
	if (memcmp(header + AT_ID, id, CIPHER_KEY_ID_BYTES) != 0) {
		hex_encode(header + AT_ID, CIPHER_KEY_ID_BYTES, in_header);
		return err_set(err, ERR_AUTH,
		    "part %u of '%s' was sealed with another key, of id %s",
		    f->part, f->snapshot, in_header);
	}
	memcpy(f->header, header, FRAME_HEADER_BYTES);
	return set_part_key(f, false, err);
}

static size_t
make_aad(const struct cipher_frame *f, bool last, unsigned char aad[AAD_MAX])
{
	size_t name = strlen(f->snapshot) + 1;
	unsigned char *p = aad;

	memcpy(p, f->header, FRAME_HEADER_BYTES);
	p += FRAME_HEADER_BYTES;
	memcpy(p, f->snapshot, name);
	p += name;
	put_be(p, f->part, 4);
	put_be(p + 4, f->index, 8);
	p[12] = last;
	return (size_t)(p - aad) + 13;
}

/* Begin the chunk at index: its nonce and what is authenticated with it. */
static bool
begin_chunk(struct cipher_frame *f, bool last)
{
	unsigned char nonce[NONCE_BYTES] = {0};
	unsigned char aad[AAD_MAX];
	size_t aad_len = make_aad(f, last, aad);
	int n;

	put_be(nonce + 4, f->index, 8);
	return EVP_CipherInit_ex(f->ctx, NULL, NULL, NULL, nonce, -1) == 1 &&
	    EVP_CipherUpdate(f->ctx, NULL, &n, aad, (int)aad_len) == 1;
}

int
cipher_frame_seal(struct cipher_frame *f, unsigned char *p, size_t len,
    bool last, struct err *err)
{
	int n;

	if (!begin_chunk(f, last) ||
	    EVP_CipherUpdate(f->ctx, p, &n, p, (int)len) != 1 ||
	    EVP_CipherFinal_ex(f->ctx, p + len, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(
		f->ctx, EVP_CTRL_GCM_GET_TAG, FRAME_TAG_BYTES, p + len) != 1)
		return err_set(err, ERR_SYSTEM,
		    "OpenSSL failed to seal chunk %" PRIu64, f->index);
	f->index++;
	return 0;
}

int
cipher_frame_open(struct cipher_frame *f, unsigned char *p, size_t len,
    bool last, struct err *err)
{
	int n;

	if (!begin_chunk(f, last) ||
	    EVP_CipherUpdate(f->ctx, p, &n, p, (int)len) != 1 ||
	    EVP_CIPHER_CTX_ctrl(
		f->ctx, EVP_CTRL_GCM_SET_TAG, FRAME_TAG_BYTES, p + len) != 1 ||
	    EVP_CipherFinal_ex(f->ctx, p + len, &n) != 1)
		return err_set(err, ERR_CORRUPT,
		    "sealed chunk %" PRIu64 " of part %u of '%s' is not "
		    "authentic: changed, out of place or cut",
		    f->index, f->part, f->snapshot);
	f->index++;
	return 0;
}

int
cipher_frame_cut_short(const struct cipher_frame *f, struct err *err)
{
	return err_set(err, ERR_CORRUPT, "sealed part %u of '%s' is cut short",
	    f->part, f->snapshot);
}
