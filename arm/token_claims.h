/*
 * token_claims.h -- whose a token is.
 *
 * Entra's tokens are meant for who they are shown to, and their form may
 * change: what is read here is a convenience, and where it cannot be read the
 * settings must tell it.
 */
#ifndef ARM_TOKEN_CLAIMS_H
#define ARM_TOKEN_CLAIMS_H

struct secret;

#define OBJECT_ID_MAX 64

/* The object id ("oid") of the identity that it was issued to; "" when it does
 * not tell. */
void token_object_id(const struct secret *token, char out[OBJECT_ID_MAX]);

#endif
