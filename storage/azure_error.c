#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/http.h"

#include "storage/azure_error.h"

struct meaning {
	const char *code;
	enum err_kind kind;
	const char *hint; /* NULL: the code says it all */
};

/* Where the status alone would mislead, or where we know what to do. */
static const struct meaning meanings[] = {
    {"AccountBeingCreated", ERR_TRANSIENT, NULL},
    {"AuthenticationFailed", ERR_AUTH,
	"check the key, SAS or identity, and that this machine's clock is "
	"right"},
    {"AuthorizationFailure", ERR_AUTH,
	"check the key or SAS, and that the account's firewall lets this "
	"machine in"},
    {"AuthorizationPermissionMismatch", ERR_AUTH,
	"give the identity the role Storage Blob Data Contributor, or the "
	"SAS the permission"},
    {"BlobAlreadyExists", ERR_CONFLICT, "another has made it meanwhile"},
    {"BlobArchived", ERR_UNSUPPORTED,
	"the blob is in the archive tier: rehydrate it first"},
    {"BlobImmutableDueToPolicy", ERR_SERVER,
	"an immutability policy or a legal hold protects it"},
    {"BlobIsSealed", ERR_SERVER, "it is sealed: nothing can be added to it"},
    {"BlockCountExceedsLimit", ERR_SERVER,
	"too many blocks wait for a commit; the service drops them after a "
	"week"},
    {"CannotVerifyCopySource", ERR_UNSUPPORTED,
	"the service cannot reach or read the source"},
    {"ConditionNotMet", ERR_CONFLICT, "another has written it meanwhile"},
    {"ContainerBeingDeleted", ERR_SERVER, "the container is being deleted"},
    {"ContainerNotFound", ERR_SERVER,
	"the container does not exist: create it, or correct the URL"},
    {"InvalidBlobType", ERR_SERVER, "a blob of another type stands there"},
    {"InvalidBlockList", ERR_CONFLICT,
	"staged blocks are gone: another writer has committed this name"},
    {"InvalidRange", ERR_CORRUPT, "the blob is shorter than that"},
    {"KeyBasedAuthenticationNotPermitted", ERR_AUTH,
	"the account takes no keys: use a managed identity"},
    {"LeaseAlreadyPresent", ERR_CONFLICT, "another holds the lease"},
    {"LeaseIdMismatchWithBlobOperation", ERR_CONFLICT,
	"another holds the lease"},
    {"LeaseIdMismatchWithLeaseOperation", ERR_CONFLICT,
	"another holds the lease"},
    {"LeaseIdMissing", ERR_LOCKED,
	"it is leased by another: nobody else can write to it until the lease "
	"ends"},
    {"LeaseIsBreakingAndCannotBeAcquired", ERR_CONFLICT,
	"another's lease is being broken"},
    {"LeaseIsBrokenAndCannotBeRenewed", ERR_CONFLICT, "the lease was broken"},
    {"LeaseLost", ERR_CONFLICT, "the lease was lost"},
    {"LeaseNotPresentWithBlobOperation", ERR_CONFLICT, "the lease was lost"},
    {"LeaseNotPresentWithLeaseOperation", ERR_CONFLICT, "the lease was lost"},
    {"Md5Mismatch", ERR_TRANSIENT, "the bytes were damaged on their way"},
    {"NoAuthenticationInformation", ERR_AUTH,
	"give a key, a SAS or an identity"},
    {"PendingCopyOperation", ERR_LOCKED,
	"another copy into it is under way: wait for its end, or abort it"},
    {"PublicAccessNotPermitted", ERR_AUTH, "give a key, a SAS or an identity"},
    {"SourceConditionNotMet", ERR_CONFLICT,
	"the source was changed while it was copied; copy it again"},
    {"TargetConditionNotMet", ERR_CONFLICT, "another has written it meanwhile"},
};

static const struct meaning *
meaning_of(const char *code)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++)
		if (strcmp(code, meanings[i].code) == 0)
			return &meanings[i];
	return NULL;
}

static void
add_hint(struct err *err, const char *hint)
{
	size_t len = strlen(err->text);

	snprintf(err->text + len, sizeof(err->text) - len, "; %s", hint);
}

int
azure_error(const struct http_response *response, const struct scope *scope,
    const char *what, struct err *err)
{
	const struct meaning *m;

	http_status_err(response, scope, err, "%s", what);
	m = meaning_of(err->code);
	if (m != NULL) {
		err->kind = m->kind;
		if (m->hint != NULL)
			add_hint(err, m->hint);
	} else if (err->kind == ERR_MISSING && err->code[0] == '\0') {
		/* The service always names what is missing. */
		err->kind = ERR_SERVER;
		add_hint(err,
		    "that is no answer of Blob storage: check the URL, and "
		    "what lies between");
	} else if (err->kind == ERR_AUTH) {
		add_hint(err, "check the key, SAS or role assignment");
	}
	return -1;
}

bool
azure_error_is_known(const struct err *err)
{
	return meaning_of(err->code) != NULL;
}

bool
azure_error_is_ambiguous(const struct err *err)
{
	return err->kind == ERR_TRANSIENT || err->kind == ERR_UNREACHABLE ||
	    err->kind == ERR_CANCELLED;
}

bool
azure_error_is_no_blob(const struct err *err)
{
	return err->kind == ERR_MISSING;
}
