/*
 * cipher_frame.h -- the header and the chunks of a sealed part, one at a time.
 *
 * AES-256-GCM.  The part's own key comes of the key and the header's salt;
 * with each chunk the header, the snapshot, the part, the chunk's place and
 * whether it is the last are authenticated, as cipher.h lays down.
 */
#ifndef STORAGE_CIPHER_FRAME_H
#define STORAGE_CIPHER_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/cipher_key.h"

struct cipher_frame;
struct err;
struct scope;
struct secret;

#define FRAME_TAG_BYTES	   16
#define FRAME_SALT_BYTES   32
#define FRAME_HEADER_BYTES (8 + 4 + FRAME_SALT_BYTES + CIPHER_KEY_ID_BYTES)

/* ERR_USAGE for a key that is none and for a snapshot's id that is too long. */
struct cipher_frame *cipher_frame_new(const struct secret *key,
    const char *snapshot, unsigned part, struct err *);
void cipher_frame_free(struct cipher_frame *);

/* First of all, once: to seal by, or to open by.  ERR_AUTH for a part that
 * was sealed with another key. */
int cipher_frame_make_header(struct cipher_frame *, const struct scope *,
    unsigned char header[FRAME_HEADER_BYTES], struct err *);
int cipher_frame_take_header(struct cipher_frame *,
    const unsigned char header[FRAME_HEADER_BYTES], struct err *);

/*
 * The next chunk, in place: len bytes of plaintext at p, and behind them the
 * tag.  ERR_CORRUPT for what is not authentic; the bytes at p are then of no
 * use to anybody.
 */
int cipher_frame_seal(struct cipher_frame *, unsigned char *p, size_t len,
    bool last, struct err *);
int cipher_frame_open(struct cipher_frame *, unsigned char *p, size_t len,
    bool last, struct err *);

/* Fills err for a part that ended too soon.  Always -1. */
int cipher_frame_cut_short(const struct cipher_frame *, struct err *);

#endif
