#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/xalloc.h"

#include "tests/sim/test_ca.h"

#define NAME_MAX_LEN 256

struct test_ca {
	char dir[64];
	char file[128];
	EVP_PKEY *key;
	X509 *cert;
	unsigned issued;
};

static void
write_cert(const char *path, X509 *cert)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, cert), 1);
	assert_int_equal(fclose(f), 0);
}

static void
write_key(const char *path, EVP_PKEY *key)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(
	    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(fclose(f), 0);
}

static void
set_name(X509_NAME *name, const char *cn)
{
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
			     (const unsigned char *)cn, -1, -1, 0),
	    1);
}

static void
add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(ext);
	assert_int_equal(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
}

/* Good from an hour ago for a day. */
static X509 *
new_cert(EVP_PKEY *key, const char *cn, unsigned serial)
{
	X509 *cert = X509_new();

	assert_non_null(cert);
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_set_pubkey(cert, key);
	set_name(X509_get_subject_name(cert), cn);
	return cert;
}

static void
sign(X509 *cert, const struct test_ca *ca)
{
	X509_set_issuer_name(cert, X509_get_subject_name(ca->cert));
	assert_true(X509_sign(cert, ca->key, EVP_sha256()) > 0);
}

struct test_ca *
test_ca_new(void)
{
	struct test_ca *ca = xcalloc(1, sizeof(*ca));
	char cn[NAME_MAX_LEN];

	strcpy(ca->dir, "/tmp/test-ca-XXXXXX");
	assert_non_null(mkdtemp(ca->dir));
	snprintf(ca->file, sizeof(ca->file), "%s/ca.pem", ca->dir);
	/* Names differ, so that a stranger is told from a forger. */
	snprintf(cn, sizeof(cn), "test authority %s", ca->dir + 13);

	ca->key = EVP_EC_gen("P-256");
	assert_non_null(ca->key);
	ca->cert = new_cert(ca->key, cn, 1);
	add_extension(ca->cert, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(ca->cert, NID_key_usage, "critical,keyCertSign");
	sign(ca->cert, ca);
	write_cert(ca->file, ca->cert);
	return ca;
}

void
test_ca_free(struct test_ca *ca)
{
	char path[128];

	if (ca == NULL)
		return;
	for (unsigned i = 1; i <= ca->issued; i++) {
		snprintf(path, sizeof(path), "%s/%u.pem", ca->dir, i);
		unlink(path);
		snprintf(path, sizeof(path), "%s/%u.key", ca->dir, i);
		unlink(path);
	}
	unlink(ca->file);
	rmdir(ca->dir);
	X509_free(ca->cert);
	EVP_PKEY_free(ca->key);
	free(ca);
}

const char *
test_ca_file(const struct test_ca *ca)
{
	return ca->file;
}

/* "a,1.2.3.4" as OpenSSL wants it: "DNS:a,IP:1.2.3.4". */
static void
format_names(char *out, size_t size, const char *names)
{
	char copy[NAME_MAX_LEN], *save = NULL;
	size_t len = 0;

	assert_true(strlen(names) < sizeof(copy));
	strcpy(copy, names);
	for (char *name = strtok_r(copy, ",", &save); name != NULL;
	     name = strtok_r(NULL, ",", &save)) {
		unsigned char ip[16];
		bool is_ip = inet_pton(AF_INET, name, ip) == 1 ||
		    inet_pton(AF_INET6, name, ip) == 1;

		len += (size_t)snprintf(out + len, size - len, "%s%s:%s",
		    len > 0 ? "," : "", is_ip ? "IP" : "DNS", name);
		assert_true(len < size);
	}
}

struct test_cert
test_ca_issue(struct test_ca *ca, const char *names)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	char alt[2 * NAME_MAX_LEN], cn[NAME_MAX_LEN];
	struct test_cert files;
	X509 *cert;

	assert_non_null(key);
	snprintf(cn, sizeof(cn), "%.*s", (int)strcspn(names, ","), names);
	format_names(alt, sizeof(alt), names);
	ca->issued++;
	cert = new_cert(key, cn, ca->issued + 1);
	add_extension(cert, NID_subject_alt_name, alt);
	add_extension(cert, NID_ext_key_usage, "serverAuth,clientAuth");
	sign(cert, ca);

	snprintf(files.cert_file, sizeof(files.cert_file), "%s/%u.pem", ca->dir,
	    ca->issued);
	snprintf(files.key_file, sizeof(files.key_file), "%s/%u.key", ca->dir,
	    ca->issued);
	write_cert(files.cert_file, cert);
	write_key(files.key_file, key);
	X509_free(cert);
	EVP_PKEY_free(key);
	return files;
}
