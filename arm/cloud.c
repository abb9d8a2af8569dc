#include <stddef.h>
#include <string.h>

#include "base/err.h"

#include "arm/cloud.h"

static const struct cloud clouds[] = {
    {
	.name = "public",
	.arm = "https://management.azure.com",
	.arm_audience = "https://management.azure.com/",
	.login = "https://login.microsoftonline.com",
	.storage_suffix = "core.windows.net",
	.vault_suffix = "vault.azure.net",
	.vault_audience = "https://vault.azure.net",
	.traffic_suffix = "trafficmanager.net",
    },
    {
	.name = "usgov",
	.arm = "https://management.usgovcloudapi.net",
	.arm_audience = "https://management.usgovcloudapi.net/",
	.login = "https://login.microsoftonline.us",
	.storage_suffix = "core.usgovcloudapi.net",
	.vault_suffix = "vault.usgovcloudapi.net",
	.vault_audience = "https://vault.usgovcloudapi.net",
	.traffic_suffix = "usgovtrafficmanager.net",
    },
    {
	.name = "china",
	.arm = "https://management.chinacloudapi.cn",
	.arm_audience = "https://management.chinacloudapi.cn/",
	.login = "https://login.chinacloudapi.cn",
	.storage_suffix = "core.chinacloudapi.cn",
	.vault_suffix = "vault.azure.cn",
	.vault_audience = "https://vault.azure.cn",
	.traffic_suffix = "trafficmanager.cn",
    },
};

const struct cloud *
cloud_find(const char *name, struct err *err)
{
	for (size_t i = 0; i < sizeof(clouds) / sizeof(clouds[0]); i++)
		if (strcmp(clouds[i].name, name) == 0)
			return &clouds[i];
	err_set(err, ERR_USAGE,
	    "there is no cloud '%.40s': there are public, usgov and china",
	    name);
	return NULL;
}
