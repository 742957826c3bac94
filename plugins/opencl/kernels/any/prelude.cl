// What all kernels share.

// The work-group's number along `axis`. A throttled kernel comes in pieces that begin at global
// offsets (throttle.h), of which get_group_id() knows nothing.
#define GROUP_ID(axis) ((get_global_id(axis) - get_local_id(axis)) / get_local_size(axis))
