/*
 * test_ca.h -- a certificate authority of a test's own, made at run time.
 *
 * Two of them do not trust each other.  Files lie in a temporary directory
 * that test_ca_free() removes.
 */
#ifndef TESTS_SIM_TEST_CA_H
#define TESTS_SIM_TEST_CA_H

struct test_ca;

/* Fails the test when it cannot be made. */
struct test_ca *test_ca_new(void);
void test_ca_free(struct test_ca *);

/* PEM, to be trusted. */
const char *test_ca_file(const struct test_ca *);

/*
 * Issue a certificate, good for servers and clients, whose common name and
 * subject alternative names are these ("localhost,127.0.0.1").  PEM files,
 * which live as long as the CA.
 */
struct test_cert {
	char cert_file[128];
	char key_file[128];
};
struct test_cert test_ca_issue(struct test_ca *, const char *names);

#endif
