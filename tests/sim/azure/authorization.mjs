// authorization.mjs -- what a caller may do somewhere, as a list of roles:
// here one that allows all but what was denied.
import { denies } from './arm.mjs';

function listPermissions(sim, call, claims) {
	return { body: { value: [{
		actions: ['*'], dataActions: [], notDataActions: [],
		notActions: sim.denied.filter((d) => denies(d, call, claims))
			.map((d) => d.action),
	}] } };
}

export const authorization = {
	Permissions_ListForSubscription: listPermissions,
	Permissions_ListForResource: listPermissions,
	Permissions_ListForChild: listPermissions,
};
