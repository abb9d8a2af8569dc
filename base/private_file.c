#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/temp_file.h"
#include "base/xalloc.h"

#include "base/private_file.h"

#define KEY_BYTES   32
#define BLOCK_BYTES 16
#define PIECE_BYTES ((size_t)64 << 10)

struct private_file {
	int fd;
	bool failed;
	uint64_t size;
	EVP_CIPHER_CTX *ctx;
	unsigned char key[KEY_BYTES];
	unsigned char piece[PIECE_BYTES];
};

struct private_file *
private_file_open(const char *dir, const struct scope *scope, struct err *err)
{
	struct private_file *f;
	int fd = temp_file_open(dir, err);

	if (fd < 0)
		return NULL;
	f = xcalloc(1, sizeof(*f));
	f->fd = fd;
	scope_random(scope, f->key, sizeof(f->key));
	f->ctx = EVP_CIPHER_CTX_new();
	if (f->ctx == NULL)
		abort();
	return f;
}

void
private_file_close(struct private_file *f)
{
	if (f == NULL)
		return;
	close(f->fd);
	EVP_CIPHER_CTX_free(f->ctx);
	OPENSSL_cleanse(f->key, sizeof(f->key));
	free(f);
}

static int
no_cipher(struct err *err)
{
	return err_set(
	    err, ERR_SYSTEM, "a temporary file cannot be enciphered");
}

/* So that the next byte is that at this place: its block is the counter. */
static int
turn_to(struct private_file *f, uint64_t at, struct err *err)
{
	static const unsigned char zeros[BLOCK_BYTES];
	unsigned char counter[BLOCK_BYTES] = {0}, passed[BLOCK_BYTES];
	uint64_t block = at / BLOCK_BYTES;
	int n;

	for (int i = BLOCK_BYTES; block > 0; block >>= 8)
		counter[--i] = (unsigned char)block;
	if (EVP_EncryptInit_ex(
		f->ctx, EVP_aes_256_ctr(), NULL, f->key, counter) != 1 ||
	    EVP_EncryptUpdate(
		f->ctx, passed, &n, zeros, (int)(at % BLOCK_BYTES)) != 1)
		return no_cipher(err);
	return 0;
}

/* There and back is the same; out may be in. */
static int
turn(struct private_file *f, void *out, const void *in, size_t len,
    struct err *err)
{
	int n;

	if (EVP_EncryptUpdate(f->ctx, out, &n, in, (int)len) != 1)
		return no_cipher(err);
	return 0;
}

int
private_file_append(
    struct private_file *f, const void *data, size_t len, struct err *err)
{
	const unsigned char *p = data;
	uint64_t at = f->size;

	if (f->failed)
		return err_set(err, ERR_SYSTEM,
		    "a temporary file that could not be written to");
	if (turn_to(f, at, err) != 0)
		return -1;
	while (len > 0) {
		size_t n = len < PIECE_BYTES ? len : PIECE_BYTES;

		if (turn(f, f->piece, p, n, err) != 0 ||
		    temp_file_write(f->fd, f->piece, n, at, err) != 0) {
			f->failed = true;
			return -1;
		}
		at += n;
		p += n;
		len -= n;
	}
	f->size = at;
	return 0;
}

uint64_t
private_file_size(const struct private_file *f)
{
	return f->size;
}

int
private_file_read(struct private_file *f, void *data, size_t len, uint64_t at,
    struct err *err)
{
	unsigned char *p = data;

	if (temp_file_read(f->fd, data, len, at, err) != 0 ||
	    turn_to(f, at, err) != 0)
		return -1;
	for (size_t off = 0; off < len;) {
		size_t n = len - off < PIECE_BYTES ? len - off : PIECE_BYTES;

		if (turn(f, p + off, p + off, n, err) != 0)
			return -1;
		off += n;
	}
	return 0;
}
