/* bad.h - how a broken plugin is made: the null backend, whole and right, with one fault.
 *
 * The build renames null's entry to null_entry; each file here defines the real entry, calls that,
 * and spoils one thing. What must notice it is said in each file.
 */
#pragma once
#include <weft/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif
weft_status WEFT_CALL null_entry(const weft_entry_args* args, weft_error* error);
WEFT_EXPORT weft_status WEFT_CALL weft_plugin_entry(const weft_entry_args* args, weft_error* error);
#ifdef __cplusplus
}
#endif
