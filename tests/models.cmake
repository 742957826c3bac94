# Partition, plan, runtime and whole models: what their tests need besides sources.

# null with claims that a test dictates through the environment.
set(null ${PROJECT_SOURCE_DIR}/plugins/null)
add_library(scripted_claims MODULE core/partition/scripted_claims.c ${null}/plugin.c
            ${null}/claim.c ${null}/memory.c ${null}/event.c ${null}/program.c)
set_source_files_properties(${null}/plugin.c PROPERTIES
                            COMPILE_DEFINITIONS weft_plugin_entry=null_entry)
target_link_libraries(scripted_claims PRIVATE weft_options)
weft_plugin_link(scripted_claims)
set_target_properties(scripted_claims PROPERTIES
                      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/plugins)
target_compile_definitions(test_partition PRIVATE
                           WEFT_SCRIPTED_PLUGIN="$<TARGET_FILE:scripted_claims>")
add_dependencies(test_partition scripted_claims weft_null weft_reference)
add_dependencies(test_engine weft_null weft_reference weft_cpu)
# Engines on devices behind drivers, where they are built.
foreach(plugin vulkan_npu opencl)
  if(TARGET weft_${plugin})
    add_dependencies(test_engine weft_${plugin})
  endif()
endforeach()
set_tests_properties(test_engine${WEFT_TEST_SUFFIX} PROPERTIES
                     ENVIRONMENT "${WEFT_DRIVER_ENVIRONMENT}"
                     FAIL_REGULAR_EXPRESSION "VUID-;SYNC-HAZARD")
add_dependencies(test_runtime weft_null weft_reference weft_cpu)

# The data sets of models are TensorProtos, read as those of ONNX's node tests.
target_sources(test_models PRIVATE core/ops/onnx_case.cpp)
target_compile_definitions(test_models PRIVATE ONNX_NAMESPACE=onnx ONNX_ML=1)
target_include_directories(test_models SYSTEM PRIVATE ${Protobuf_INCLUDE_DIRS})
target_link_libraries(test_models PRIVATE ${ONNX_PROTO_LIBRARY} ${Protobuf_LIBRARIES})
add_dependencies(test_models weft_reference weft_cpu)

# The property tests of shapes and of memory plans again, at a thousand sizes for each model.
add_test(NAME test_models_all_sizes${WEFT_TEST_SUFFIX}
         COMMAND test_models --gtest_filter=*OfEveryModel*)
set_tests_properties(test_models_all_sizes${WEFT_TEST_SUFFIX} PROPERTIES
                     ENVIRONMENT WEFT_BINDINGS=1000 TIMEOUT 3600 LABELS slow)

# And more random graphs.
add_test(NAME test_engine_random_graphs${WEFT_TEST_SUFFIX}
         COMMAND test_engine --gtest_filter=RandomGraphs*)
set_tests_properties(test_engine_random_graphs${WEFT_TEST_SUFFIX} PROPERTIES
                     ENVIRONMENT WEFT_RANDOM_GRAPHS=4000 TIMEOUT 1200 LABELS slow)

# The parts of the binary that need no terminal. Programs that count allocations link the counting
# malloc; a library opened at run time is counted.
add_library(allocating_library MODULE tools/weft/allocating_library.c)
target_link_libraries(allocating_library PRIVATE weft_options)
set_target_properties(allocating_library PROPERTIES
                      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/plugins)
weft_test(test_weft tools/weft weft_engine weft_onnx)
foreach(part bench_report chat_settings clock conversation count_allocations flags generate
             line_history logits_file machine_load measurement message_lines model_clock model_facts
             printable prompt_report repeats schedule_picture trace_file)
  target_sources(test_weft PRIVATE ${PROJECT_SOURCE_DIR}/tools/weft/${part}.cpp)
endforeach()
target_compile_definitions(test_weft PRIVATE
                           WEFT_ALLOCATING_LIBRARY="$<TARGET_FILE:allocating_library>")
add_dependencies(test_weft allocating_library weft_cpu)

# The real model, from the command line. Too slow under a sanitizer.
if(NOT WEFT_SANITIZE)
  foreach(script test_models test_exports test_command_line test_bench test_eval test_chat
          test_inspect test_explain)
    add_test(NAME model_${script}
             COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/models/${script}.py)
    set_tests_properties(model_${script} PROPERTIES ENVIRONMENT "WEFT_BIN=$<TARGET_FILE:weft>"
                         LABELS long)
  endforeach()
  if(TARGET weft_opencl)
    # The installed driver, made to fail.
    add_library(faulty_driver MODULE plugins/opencl/faults/driver.c)
    target_include_directories(faulty_driver SYSTEM PRIVATE ${OpenCL_INCLUDE_DIRS})
    target_link_libraries(faulty_driver PRIVATE weft_options ${CMAKE_DL_LIBS})
    set_target_properties(faulty_driver PROPERTIES C_VISIBILITY_PRESET default
                          LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/plugins)
    foreach(script test_opencl test_opencl_costs test_opencl_faults)
      add_test(NAME model_${script}
               COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/models/${script}.py)
      set(variables "WEFT_BIN=$<TARGET_FILE:weft>"
                    "WEFT_FAULTY_DRIVER=$<TARGET_FILE:faulty_driver>")
      set_tests_properties(model_${script} PROPERTIES LABELS long
                           ENVIRONMENT "${variables};${WEFT_DRIVER_ENVIRONMENT}")
    endforeach()
  endif()
  if(TARGET weft_vulkan_npu)
    foreach(part Prompts Slow)
      add_test(NAME model_test_npu_${part}
               COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/models/test_npu.py ${part})
      # The layers check every dispatch, which is test_vulkan_npu's to do.
      set(variables "WEFT_BIN=$<TARGET_FILE:weft>"
                    "MESA_SHADER_CACHE_DIR=${CMAKE_BINARY_DIR}/drivers/mesa")
      set_tests_properties(model_test_npu_${part} PROPERTIES LABELS slow TIMEOUT 1800 PROCESSORS 2
                           ENVIRONMENT "${variables}")
    endforeach()
  endif()
  # Bad input of every kind, on models of two nodes that the tests write.
  foreach(script test_bad_models test_bad_surroundings)
    add_test(NAME bad_input_${script}
             COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/bad_input/${script}.py)
    set_tests_properties(bad_input_${script} PROPERTIES
                         ENVIRONMENT "WEFT_BIN=$<TARGET_FILE:weft>" TIMEOUT 600)
  endforeach()
  # Small models against the data beside them, and written back as ONNX.
  foreach(script test_check test_import test_quantize test_w8a8 test_verify test_cache)
    add_test(NAME model_${script}
             COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/models/${script}.py)
    set(folder ${CMAKE_BINARY_DIR}/tests/bad)
    set_tests_properties(model_${script} PROPERTIES ENVIRONMENT
                         "WEFT_BIN=$<TARGET_FILE:weft>;WEFT_BAD_PLUGINS=${folder}")
  endforeach()
  # Memory of the import of 540 MB, beside the model and inside it.
  add_test(NAME model_test_import_memory
           COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/models/test_import_memory.py)
  set_tests_properties(model_test_import_memory PROPERTIES
                       ENVIRONMENT "WEFT_BIN=$<TARGET_FILE:weft>" LABELS slow)
  # Perplexities over all 16 windows.
  add_test(NAME model_test_eval_whole
           COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/models/test_eval.py Slow)
  set_tests_properties(model_test_eval_whole PROPERTIES ENVIRONMENT "WEFT_BIN=$<TARGET_FILE:weft>"
                       TIMEOUT 1200 PROCESSORS 2 LABELS slow)
endif()
