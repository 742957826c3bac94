/* abi_check.c - compiles only while the layout of ABI 0.9 holds.
 *
 * A developer who moves a field sees it here first; tests/plugin_api compares the same facts, types
 * and constants with abi/0.9.layout. Lines come from `tests/plugin_api/layout.py --asserts`.
 */
#include <weft/extensions.h>

#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), "0.9 layout: size of " #type)
#define AT(type, field, at) \
  _Static_assert(offsetof(type, field) == (at), "0.9 layout: " #type "." #field)

SIZE(weft_error, 512);
AT(weft_error, struct_size, 0);
AT(weft_error, status, 4);
AT(weft_error, vendor_code, 8);
AT(weft_error, node, 16);
AT(weft_error, reserved0, 20);
AT(weft_error, message, 24);

SIZE(weft_kv, 16);
AT(weft_kv, key, 0);
AT(weft_kv, value, 8);

SIZE(weft_quant, 40);
AT(weft_quant, struct_size, 0);
AT(weft_quant, scheme, 4);
AT(weft_quant, storage, 8);
AT(weft_quant, block, 12);
AT(weft_quant, scale_value, 16);
AT(weft_quant, zero_point_value, 20);
AT(weft_quant, codebook_value, 24);
AT(weft_quant, reserved0, 28);
AT(weft_quant, zero, 32);

SIZE(weft_dim, 16);
AT(weft_dim, value, 0);
AT(weft_dim, slot, 8);
AT(weft_dim, reserved0, 12);

SIZE(weft_slot, 24);
AT(weft_slot, expr, 0);
AT(weft_slot, min, 8);
AT(weft_slot, max, 16);

SIZE(weft_value, 120);
AT(weft_value, name, 0);
AT(weft_value, dtype, 8);
AT(weft_value, rank, 12);
AT(weft_value, dims, 16);
AT(weft_value, quant, 24);
AT(weft_value, flags, 32);
AT(weft_value, order, 36);
AT(weft_value, parent, 40);
AT(weft_value, contents_count, 44);
AT(weft_value, offset, 48);
AT(weft_value, contents, 64);
AT(weft_value, data, 72);
AT(weft_value, data_size, 80);
AT(weft_value, fd_offset, 88);
AT(weft_value, content_id, 96);
AT(weft_value, fd, 112);
AT(weft_value, reserved0, 116);

SIZE(weft_attr, 24);
AT(weft_attr, name, 0);
AT(weft_attr, type, 8);
AT(weft_attr, count, 12);
AT(weft_attr, data, 16);

SIZE(weft_node, 72);
AT(weft_node, name, 0);
AT(weft_node, domain, 8);
AT(weft_node, op_type, 16);
AT(weft_node, since_version, 24);
AT(weft_node, unit, 28);
AT(weft_node, inputs, 32);
AT(weft_node, outputs, 40);
AT(weft_node, attrs, 48);
AT(weft_node, input_count, 56);
AT(weft_node, output_count, 60);
AT(weft_node, attr_count, 64);
AT(weft_node, attr_stride, 68);

SIZE(weft_graph, 88);
AT(weft_graph, struct_size, 0);
AT(weft_graph, node_count, 4);
AT(weft_graph, node_stride, 8);
AT(weft_graph, value_count, 12);
AT(weft_graph, value_stride, 16);
AT(weft_graph, slot_count, 20);
AT(weft_graph, slot_stride, 24);
AT(weft_graph, input_count, 28);
AT(weft_graph, output_count, 32);
AT(weft_graph, reserved0, 36);
AT(weft_graph, nodes, 40);
AT(weft_graph, values, 48);
AT(weft_graph, slots, 56);
AT(weft_graph, inputs, 64);
AT(weft_graph, outputs, 72);
AT(weft_graph, name, 80);

SIZE(weft_claim, 48);
AT(weft_claim, struct_size, 0);
AT(weft_claim, flags, 4);
AT(weft_claim, nodes, 8);
AT(weft_claim, node_count, 16);
AT(weft_claim, pattern, 20);
AT(weft_claim, est_time_ns, 24);
AT(weft_claim, est_workspace, 32);
AT(weft_claim, reason, 40);

SIZE(weft_refusal, 48);
AT(weft_refusal, struct_size, 0);
AT(weft_refusal, node, 4);
AT(weft_refusal, code, 8);
AT(weft_refusal, value, 12);
AT(weft_refusal, what, 16);
AT(weft_refusal, why, 24);
AT(weft_refusal, found, 32);
AT(weft_refusal, limit, 40);

SIZE(weft_claim_sink, 32);
AT(weft_claim_sink, struct_size, 0);
AT(weft_claim_sink, reserved0, 4);
AT(weft_claim_sink, ctx, 8);
AT(weft_claim_sink, add, 16);
AT(weft_claim_sink, decline, 24);

SIZE(weft_device_info, 288);
AT(weft_device_info, struct_size, 0);
AT(weft_device_info, type, 4);
AT(weft_device_info, name, 8);
AT(weft_device_info, driver, 104);
AT(weft_device_info, uuid, 200);
AT(weft_device_info, memory_total, 216);
AT(weft_device_info, memory_free, 224);
AT(weft_device_info, max_buffer, 232);
AT(weft_device_info, buffer_alignment, 240);
AT(weft_device_info, memory_kinds, 244);
AT(weft_device_info, queue_count, 248);
AT(weft_device_info, priority_levels, 252);
AT(weft_device_info, dtypes_compute, 256);

SIZE(weft_queue_desc, 16);
AT(weft_queue_desc, struct_size, 0);
AT(weft_queue_desc, priority, 4);
AT(weft_queue_desc, flags, 8);
AT(weft_queue_desc, reserved0, 12);

SIZE(weft_buffer_desc, 24);
AT(weft_buffer_desc, struct_size, 0);
AT(weft_buffer_desc, memory_kind, 4);
AT(weft_buffer_desc, size, 8);
AT(weft_buffer_desc, debug_name, 16);

SIZE(weft_view, 152);
AT(weft_view, buffer, 0);
AT(weft_view, byte_offset, 8);
AT(weft_view, dtype, 16);
AT(weft_view, rank, 20);
AT(weft_view, shape, 24);
AT(weft_view, stride, 88);

SIZE(weft_compile_args, 64);
AT(weft_compile_args, struct_size, 0);
AT(weft_compile_args, pattern, 4);
AT(weft_compile_args, graph, 8);
AT(weft_compile_args, slots, 16);
AT(weft_compile_args, options, 24);
AT(weft_compile_args, option_count, 32);
AT(weft_compile_args, reserved0, 36);
AT(weft_compile_args, blob, 40);
AT(weft_compile_args, blob_size, 48);
AT(weft_compile_args, share_constants_with, 56);

SIZE(weft_program_info, 160);
AT(weft_program_info, struct_size, 0);
AT(weft_program_info, flags, 4);
AT(weft_program_info, scratch_bytes, 8);
AT(weft_program_info, constant_bytes, 16);
AT(weft_program_info, est_time_ns, 24);
AT(weft_program_info, blob_key, 32);

SIZE(weft_writer, 24);
AT(weft_writer, struct_size, 0);
AT(weft_writer, reserved0, 4);
AT(weft_writer, ctx, 8);
AT(weft_writer, write, 16);

SIZE(weft_prof_record, 32);
AT(weft_prof_record, label, 0);
AT(weft_prof_record, node, 8);
AT(weft_prof_record, kind, 12);
AT(weft_prof_record, begin_ns, 16);
AT(weft_prof_record, end_ns, 24);

SIZE(weft_prof_sink, 24);
AT(weft_prof_sink, struct_size, 0);
AT(weft_prof_sink, level, 4);
AT(weft_prof_sink, ctx, 8);
AT(weft_prof_sink, record, 16);

SIZE(weft_execute_args, 104);
AT(weft_execute_args, struct_size, 0);
AT(weft_execute_args, flags, 4);
AT(weft_execute_args, program, 8);
AT(weft_execute_args, inputs, 16);
AT(weft_execute_args, outputs, 24);
AT(weft_execute_args, waits, 32);
AT(weft_execute_args, slots, 40);
AT(weft_execute_args, profile, 48);
AT(weft_execute_args, workspace, 56);
AT(weft_execute_args, workspace_offset, 64);
AT(weft_execute_args, scratch_offset, 72);
AT(weft_execute_args, run_id, 80);
AT(weft_execute_args, input_count, 88);
AT(weft_execute_args, output_count, 92);
AT(weft_execute_args, view_stride, 96);
AT(weft_execute_args, wait_count, 100);

SIZE(weft_host, 80);
AT(weft_host, struct_size, 0);
AT(weft_host, version_major, 4);
AT(weft_host, version_minor, 8);
AT(weft_host, reserved0, 12);
AT(weft_host, thread_count, 16);
AT(weft_host, reserved1, 20);
AT(weft_host, ctx, 24);
AT(weft_host, name, 32);
AT(weft_host, cache_dir, 40);
AT(weft_host, log, 48);
AT(weft_host, parallel_for, 56);
AT(weft_host, run_team, 64);
AT(weft_host, get_extension, 72);

SIZE(weft_api, 256);
AT(weft_api, struct_size, 0);
AT(weft_api, version_major, 4);
AT(weft_api, version_minor, 8);
AT(weft_api, reserved0, 12);
AT(weft_api, vendor, 16);
AT(weft_api, name, 24);
AT(weft_api, build, 32);
AT(weft_api, self, 40);
AT(weft_api, shutdown, 48);
AT(weft_api, get_extension, 56);
AT(weft_api, device_info, 64);
AT(weft_api, device_open, 72);
AT(weft_api, device_close, 80);
AT(weft_api, claim, 88);
AT(weft_api, blob_check, 96);
AT(weft_api, compile, 104);
AT(weft_api, program_info, 112);
AT(weft_api, program_save, 120);
AT(weft_api, program_destroy, 128);
AT(weft_api, buffer_alloc, 136);
AT(weft_api, buffer_free, 144);
AT(weft_api, buffer_map, 152);
AT(weft_api, buffer_unmap, 160);
AT(weft_api, copy, 168);
AT(weft_api, queue_create, 176);
AT(weft_api, queue_flush, 184);
AT(weft_api, queue_destroy, 192);
AT(weft_api, execute, 200);
AT(weft_api, event_create, 208);
AT(weft_api, event_signal, 216);
AT(weft_api, event_wait, 224);
AT(weft_api, event_on_done, 232);
AT(weft_api, event_destroy, 240);
AT(weft_api, device_wait_idle, 248);

SIZE(weft_entry_args, 40);
AT(weft_entry_args, struct_size, 0);
AT(weft_entry_args, min_major, 4);
AT(weft_entry_args, min_minor, 8);
AT(weft_entry_args, reserved0, 12);
AT(weft_entry_args, host, 16);
AT(weft_entry_args, api, 24);
AT(weft_entry_args, library_path, 32);

SIZE(weft_external, 40);
AT(weft_external, struct_size, 0);
AT(weft_external, kind, 4);
AT(weft_external, fd, 8);
AT(weft_external, ptr, 16);
AT(weft_external, size, 24);
AT(weft_external, offset, 32);

SIZE(weft_ext_external_memory_1, 40);
AT(weft_ext_external_memory_1, kinds, 0);
AT(weft_ext_external_memory_1, import_buffer, 8);
AT(weft_ext_external_memory_1, export_buffer, 16);
AT(weft_ext_external_memory_1, import_event, 24);
AT(weft_ext_external_memory_1, export_event, 32);

SIZE(weft_throttle, 32);
AT(weft_throttle, struct_size, 0);
AT(weft_throttle, reserved0, 4);
AT(weft_throttle, in_flight_ns, 8);
AT(weft_throttle, kernel_ns, 16);
AT(weft_throttle, pause_ns, 24);

SIZE(weft_ext_throttle_1, 8);
AT(weft_ext_throttle_1, set, 0);
