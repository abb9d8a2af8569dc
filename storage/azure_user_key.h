/*
 * azure_user_key.h -- a user delegation key, asked for when a SAS needs it.
 *
 * An identity has no key to sign with; the service lends it one for up to
 * seven days.  It is kept, and asked for again when a SAS would outlive it.
 */
#ifndef STORAGE_AZURE_USER_KEY_H
#define STORAGE_AZURE_USER_KEY_H

#include <stddef.h>
#include <stdint.h>

struct azure_container;
struct azure_delegation;
struct azure_sas;
struct azure_user_key;
struct buf;
struct err;
struct scope;

struct azure_user_key *azure_user_key_new(void);
void azure_user_key_free(struct azure_user_key *); /* NULL is fine */

/*
 * azure_sas_by_delegation() with the container's credential; from several
 * threads at once.  ERR_USAGE for one that ends in more than seven days.
 */
int azure_user_key_sas(struct azure_user_key *, const struct azure_container *,
    const struct scope *, const struct azure_sas *, struct buf *, struct err *);

/* What the service answers.  Release also after a failure. */
int azure_user_key_parse(
    const char *xml, size_t, struct azure_delegation *, struct err *);

#endif
