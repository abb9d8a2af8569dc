/* cipher_key.h -- the key of cipher.h: its text forms and its id. */
#ifndef STORAGE_CIPHER_KEY_H
#define STORAGE_CIPHER_KEY_H

#include "storage/cipher.h"

struct err;
struct secret;

#define CIPHER_KEY_ID_BYTES 8

/* 32 bytes as they are, 64 hex digits, or 43 or 44 characters of base64.  Else
 * ERR_USAGE; the text of the error tells nothing of the key. */
int cipher_key_parse(
    const struct secret *, unsigned char key[CIPHER_KEY_BYTES], struct err *);

/* Tells which key sealed a part, and nothing about the key itself. */
void cipher_key_id(const unsigned char key[CIPHER_KEY_BYTES],
    unsigned char id[CIPHER_KEY_ID_BYTES]);

#endif
