# The environment of tests that load a driver: caches inside the build folder, few threads, one
# compiled form per kernel, the validation layers, and leaks inside drivers passed over.
#
#   set_tests_properties(... PROPERTIES ENVIRONMENT "${WEFT_DRIVER_ENVIRONMENT}")

file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/drivers/pocl ${CMAKE_BINARY_DIR}/drivers/mesa)
set(synchronization VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT)
string(APPEND synchronization
       :VALIDATION_CHECK_ENABLE_SYNCHRONIZATION_VALIDATION_QUEUE_SUBMIT)
set(WEFT_DRIVER_ENVIRONMENT
  POCL_CACHE_DIR=${CMAKE_BINARY_DIR}/drivers/pocl
  POCL_WORK_GROUP_SPECIALIZATION=0
  POCL_MAX_PTHREAD_COUNT=2
  MESA_SHADER_CACHE_DIR=${CMAKE_BINARY_DIR}/drivers/mesa
  LP_NUM_THREADS=1
  VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation
  VK_LAYER_ENABLES=${synchronization})
if(WEFT_SANITIZE)
  list(APPEND WEFT_DRIVER_ENVIRONMENT
       "LSAN_OPTIONS=suppressions=${CMAKE_CURRENT_SOURCE_DIR}/drivers.supp:print_suppressions=0")
endif()
