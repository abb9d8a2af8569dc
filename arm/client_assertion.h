/*
 * client_assertion.h -- how a service principal proves that it has its
 * certificate's key: a JWT of a few minutes, signed by PS256 and named by
 * x5t#S256.
 */
#ifndef ARM_CLIENT_ASSERTION_H
#define ARM_CLIENT_ASSERTION_H

struct err;
struct scope;
struct secret;

/*
 * file: PEM, the certificate and its RSA key, not behind a passphrase; what
 * follows the first certificate is not looked at.  audience is the endpoint
 * that the token is asked of.  ERR_USAGE tells what is wrong with the file.
 */
int client_assertion_make(const char *file, const char *client_id,
    const char *audience, const struct scope *, struct secret *out,
    struct err *);

#endif
