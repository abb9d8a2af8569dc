/*
 * arm_host.h -- who may be given a token for Azure Resource Manager.
 *
 * Answers tell, as whole URLs, where to ask how an operation goes, and each
 * such request carries a token that may do all that the identity may.  So it
 * goes by https, and to the endpoint itself or to names below it alone
 * ("westus2.management.azure.com": Resource Manager's regional ones), which
 * are the cloud's owner's to give.  Not to what merely ends alike, nor to
 * another port.  Plain http serves for an endpoint on loopback, the same and
 * no other.
 */
#ifndef ARM_ARM_HOST_H
#define ARM_ARM_HOST_H

#include <stdbool.h>

#include "base/url.h"

struct err;

struct arm_host {
	struct url url; /* of the endpoint */
};

/* "https://management.azure.com", a slash behind it or not; ERR_USAGE. */
int arm_host_init(struct arm_host *, const char *endpoint, struct err *);
void arm_host_release(struct arm_host *);

/* Of a URL that a peer gave. */
bool arm_host_trusts(const struct arm_host *, const char *url);

#endif
