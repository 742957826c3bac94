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
add_dependencies(test_runtime weft_null weft_reference weft_cpu)

# The data sets of models are TensorProtos, read as those of ONNX's node tests.
target_sources(test_models PRIVATE core/ops/onnx_case.cpp)
target_compile_definitions(test_models PRIVATE ONNX_NAMESPACE=onnx ONNX_ML=1)
target_include_directories(test_models SYSTEM PRIVATE ${Protobuf_INCLUDE_DIRS})
target_link_libraries(test_models PRIVATE ${ONNX_PROTO_LIBRARY} ${Protobuf_LIBRARIES})
add_dependencies(test_models weft_reference weft_cpu)

# Programs that count allocations link the counting malloc; a library opened at run time is counted.
add_library(allocating_library MODULE tools/weft/allocating_library.c)
target_link_libraries(allocating_library PRIVATE weft_options)
set_target_properties(allocating_library PROPERTIES
                      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/plugins)
weft_test(test_count_allocations tools/weft weft_base)
target_sources(test_count_allocations PRIVATE
               ${PROJECT_SOURCE_DIR}/tools/weft/count_allocations.cpp)
target_compile_definitions(test_count_allocations PRIVATE
                           WEFT_ALLOCATING_LIBRARY="$<TARGET_FILE:allocating_library>")
add_dependencies(test_count_allocations allocating_library)

# The real model, from the command line. Too slow under a sanitizer.
if(NOT WEFT_SANITIZE)
  foreach(script test_models test_command_line)
    add_test(NAME model_${script}
             COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/models/${script}.py)
    set_tests_properties(model_${script} PROPERTIES ENVIRONMENT "WEFT_BIN=$<TARGET_FILE:weft>"
                         LABELS long)
  endforeach()
endif()
