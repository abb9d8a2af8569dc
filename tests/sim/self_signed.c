#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <openssl/pem.h>

#include "tests/sim/self_signed.h"

X509 *
self_signed(EVP_PKEY *key)
{
	X509 *cert = X509_new();

	ASN1_INTEGER_set(X509_get_serialNumber(cert), 7);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	return cert;
}

void
self_signed_write(
    const char *path, EVP_PKEY *key, X509 *cert, const char *passphrase)
{
	const EVP_CIPHER *cipher = passphrase != NULL ? EVP_aes_128_cbc()
						      : NULL;
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	if (key != NULL)
		assert_int_equal(PEM_write_PrivateKey(f, key, cipher, NULL, 0,
				     NULL, (void *)passphrase),
		    1);
	if (cert != NULL)
		assert_int_equal(PEM_write_X509(f, cert), 1);
	fclose(f);
}
