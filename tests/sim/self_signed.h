/* self_signed.h -- a certificate that its own key has signed, for an hour. */
#ifndef TESTS_SIM_SELF_SIGNED_H
#define TESTS_SIM_SELF_SIGNED_H

#include <openssl/evp.h>
#include <openssl/x509.h>

/* To be freed. */
X509 *self_signed(EVP_PKEY *);

/* Those that are not NULL as PEM, the key first, as some tools write it. */
void
self_signed_write(const char *path, EVP_PKEY *, X509 *, const char *passphrase);

#endif
