#include <string.h>

#include <openssl/crypto.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/secret.h"

#include "storage/cipher_key.h"

/* 43 or 44 characters of base64, the padding as it may be. */
static int
base64_key(const struct secret *s, unsigned char key[CIPHER_KEY_BYTES],
    struct err *err)
{
	struct buf raw;
	char text[44 + 1] = "";
	int rc = -1;

	buf_init(&raw, CIPHER_KEY_BYTES + 3);
	memcpy(text, s->data, s->len);
	if (s->len == 43)
		text[43] = '=';
	if (base64_decode(&raw, text, err) == 0 &&
	    buf_check(&raw, "the key", err) == 0 &&
	    raw.len == CIPHER_KEY_BYTES) {
		memcpy(key, raw.data, CIPHER_KEY_BYTES);
		rc = 0;
	}
	if (raw.size > 0)
		OPENSSL_cleanse(raw.data, raw.size);
	buf_release(&raw);
	OPENSSL_cleanse(text, sizeof(text));
	return rc;
}

int
cipher_key_parse(const struct secret *s, unsigned char key[CIPHER_KEY_BYTES],
    struct err *err)
{
	int rc = -1;

	if (s->len == CIPHER_KEY_BYTES) {
		memcpy(key, s->data, CIPHER_KEY_BYTES);
		return 0;
	}
	if (s->len == 2 * CIPHER_KEY_BYTES)
		rc = hex_decode(s->data, key, CIPHER_KEY_BYTES, err);
	else if (s->len == 43 || s->len == 44)
		rc = base64_key(s, key, err);
	if (rc == 0)
		return 0;
	/* Nothing that a decoder said about the key's text. */
	return err_set(err, ERR_USAGE,
	    "the cipher's key is not 32 bytes, as they are, in hex or in "
	    "base64; 'openssl rand -hex 32' makes one");
}

void
cipher_key_id(const unsigned char key[CIPHER_KEY_BYTES],
    unsigned char id[CIPHER_KEY_ID_BYTES])
{
	static const char what[] = "drsync key id";
	struct digest *d = digest_new(DIGEST_SHA256);
	unsigned char sha[SHA256_BYTES];

	digest_update(d, what, strlen(what));
	digest_update(d, key, CIPHER_KEY_BYTES);
	digest_final(d, sha);
	digest_free(d);
	memcpy(id, sha, CIPHER_KEY_ID_BYTES);
}
