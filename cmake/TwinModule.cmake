# The functions that every CMakeLists.txt here uses: modules, programs, tests, benchmarks, fuzz targets.
include(GoogleTest)

# __FILE__ is relative to the repository, in messages and in every build folder alike.
add_compile_options(-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)

# Seconds that a test may take.
set(TWIN_TEST_TIMEOUT 300)
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  set(TWIN_TEST_TIMEOUT 900)
endif()

add_library(twin_warnings INTERFACE)
target_compile_options(twin_warnings INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)

# twin_module(<name> [SOURCES ...] [HEADERS ...] [DEPS ...] [PRIVATE_DEPS ...]
#             [TESTS ...] [TEST_DEPS ...] [BENCHES ...] [BENCH_DEPS ...] [FUZZERS ...])
#
# One library per module, linked as twin::<name>; a module without SOURCES is an interface library.
#   DEPS           what its headers name
#   PRIVATE_DEPS   what only its sources name
#   TESTS          gtest files beside their source: one program, its cases named <name>.Suite.Case
#   BENCHES        x_bench.cc: one Google Benchmark program each, see twin_bench
#   FUZZERS        x_fuzz.cc: one fuzz target each, see twin_fuzzer
#   TEST_DEPS, BENCH_DEPS   what only those name
# With TWIN_UNITY, sources are compiled six at a time: two sources of a library may not give one name
# two meanings, not even in their unnamed namespaces.
# Includes are written from the repository's top: #include "server/base/check.h".
function(twin_module name)
  cmake_parse_arguments(PARSE_ARGV 1 M "" ""
    "SOURCES;HEADERS;DEPS;PRIVATE_DEPS;TESTS;TEST_DEPS;BENCHES;BENCH_DEPS;FUZZERS")
  twin_refuse_unparsed(twin_module "${M_UNPARSED_ARGUMENTS}")
  if(M_SOURCES)
    add_library(twin_${name} STATIC ${M_SOURCES})
    set(public PUBLIC)
    target_link_libraries(twin_${name} PRIVATE ${M_PRIVATE_DEPS} $<BUILD_INTERFACE:twin_warnings>)
    set_target_properties(twin_${name} PROPERTIES
      UNITY_BUILD ${TWIN_UNITY} UNITY_BUILD_BATCH_SIZE 6)
  else()
    add_library(twin_${name} INTERFACE)
    set(public INTERFACE)
  endif()
  add_library(twin::${name} ALIAS twin_${name})
  target_sources(twin_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}
    FILES ${M_HEADERS})
  target_compile_features(twin_${name} ${public} cxx_std_20)
  target_link_libraries(twin_${name} ${public} ${M_DEPS})

  if(M_TESTS)
    add_executable(twin_${name}_test ${M_TESTS})
    set_target_properties(twin_${name}_test PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    target_link_libraries(twin_${name}_test PRIVATE
      twin::${name} twin::test_support ${M_TEST_DEPS} GTest::gmock_main twin_warnings)
    list(LENGTH M_TESTS tests)
    if(tests GREATER 2)
      twin_compile_as_test(twin_${name}_test PRECOMPILE)
    else()
      twin_compile_as_test(twin_${name}_test)
    endif()
    gtest_discover_tests(twin_${name}_test TEST_PREFIX ${name}.
      WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} DISCOVERY_TIMEOUT 60
      PROPERTIES LABELS unit TIMEOUT ${TWIN_TEST_TIMEOUT})
    twin_register(${M_TESTS})
  endif()
  foreach(file ${M_BENCHES})
    twin_bench(${file} DEPS twin::${name} ${M_BENCH_DEPS})
  endforeach()
  foreach(file ${M_FUZZERS})
    twin_fuzzer(${file} DEPS twin::${name})
  endforeach()
endfunction()

# twin_compile_as_test(<target> [PRECOMPILE])
#
# Tests are run once and compiled often: the library is what is optimised. With PRECOMPILE, what most
# of them include is compiled once; it pays from three files on.
function(twin_compile_as_test target)
  target_compile_options(${target} PRIVATE -O0)
  if("PRECOMPILE" IN_LIST ARGN)
    target_precompile_headers(${target} PRIVATE
      <algorithm> <functional> <map> <memory> <string> <utility> <vector>
      <absl/container/flat_hash_map.h> <absl/status/statusor.h> <absl/strings/str_cat.h>
      <absl/types/span.h> <gmock/gmock.h> <gtest/gtest.h>)
  endif()
endfunction()

# twin_program(<name> SOURCES ... [DEPS ...])
#
# A program in build/<preset>/bin. It holds main() and little else; what is worth a test is a module.
function(twin_program name)
  cmake_parse_arguments(PARSE_ARGV 1 M "" "" "SOURCES;DEPS")
  twin_refuse_unparsed(twin_program "${M_UNPARSED_ARGUMENTS}")
  add_executable(${name} ${M_SOURCES})
  target_compile_features(${name} PRIVATE cxx_std_20)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${M_DEPS} twin_warnings)
endfunction()

# twin_python_test(<x_test.py> LABEL <label> [INTERPRETER <python3>] [PYTHONPATH <folder>])
#
# A unittest file as the test <label>.<x>. It runs at the repository's top; TWIN_BIN_DIR names the
# folder of the programs.
function(twin_python_test file)
  cmake_parse_arguments(PARSE_ARGV 1 M "" "LABEL;INTERPRETER;PYTHONPATH" "")
  twin_refuse_unparsed(twin_python_test "${M_UNPARSED_ARGUMENTS}")
  if(NOT M_INTERPRETER)
    set(M_INTERPRETER Python3::Interpreter)
  endif()
  string(REGEX REPLACE "_test\\.py$" "" name ${file})
  add_test(NAME ${M_LABEL}.${name}
    COMMAND ${M_INTERPRETER} -B ${CMAKE_CURRENT_SOURCE_DIR}/${file}
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${M_LABEL}.${name} PROPERTIES LABELS ${M_LABEL} TIMEOUT ${TWIN_TEST_TIMEOUT}
    ENVIRONMENT "TWIN_BIN_DIR=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};PYTHONPATH=${M_PYTHONPATH}")
  twin_register(${file})
endfunction()

# twin_bench(<x_bench.cc> [DEPS ...])
#
# The Google Benchmark program x_bench, built where TWIN_BENCH is on, with the allocator of twind.
# `./bench` runs them all.
function(twin_bench file)
  cmake_parse_arguments(PARSE_ARGV 1 M "" "" "DEPS")
  twin_refuse_unparsed(twin_bench "${M_UNPARSED_ARGUMENTS}")
  twin_register(${file})
  if(NOT TWIN_BENCH)
    return()
  endif()
  get_filename_component(name ${file} NAME_WE)
  find_library(JEMALLOC_LIBRARY jemalloc REQUIRED)
  twin_program(${name} SOURCES ${file} DEPS ${M_DEPS} benchmark::benchmark_main
    ${JEMALLOC_LIBRARY})
  set_property(GLOBAL APPEND PROPERTY TWIN_BENCHES ${name})
endfunction()

# twin_fuzzer(<x_fuzz.cc> [DEPS ...] [ARGS ...])
#
# The libFuzzer program x_fuzz (it defines LLVMFuzzerTestOneInput), built where TWIN_FUZZ is on.
# Found beside the file, where they exist:
#   corpus/x_fuzz/   seeds, and every input that once found a bug
#   x_fuzz.dict      libFuzzer's dictionary
# ARGS are further libFuzzer options, such as -max_len=65536. In every build the test fuzz.x_fuzz
# plays the corpus through the same function, without libFuzzer.
function(twin_fuzzer file)
  cmake_parse_arguments(PARSE_ARGV 1 M "" "" "DEPS;ARGS")
  twin_refuse_unparsed(twin_fuzzer "${M_UNPARSED_ARGUMENTS}")
  twin_register(${file})
  get_filename_component(name ${file} NAME_WE)
  set(corpus ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name})
  set(dictionary ${CMAKE_CURRENT_SOURCE_DIR}/${name}.dict)

  if(EXISTS ${corpus})
    twin_program(${name}_replay DEPS ${M_DEPS}
      SOURCES ${file} ${PROJECT_SOURCE_DIR}/tests/support/fuzz_replay_main.cc)
    set_target_properties(${name}_replay PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    add_test(NAME fuzz.${name} COMMAND ${name}_replay ${corpus})
    set_tests_properties(fuzz.${name} PROPERTIES LABELS unit TIMEOUT 300)
  endif()

  if(TWIN_FUZZ)
    if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
      message(FATAL_ERROR "TWIN_FUZZ needs clang: cmake --preset fuzz")
    endif()
    twin_program(${name} SOURCES ${file} DEPS ${M_DEPS} -fsanitize=fuzzer)
    set(arguments ${M_ARGS})
    if(EXISTS ${dictionary})
      list(APPEND arguments -dict=${dictionary})
    endif()
    list(JOIN arguments " " arguments)
    set_property(GLOBAL APPEND PROPERTY TWIN_FUZZERS ${name})
    set_property(GLOBAL APPEND_STRING PROPERTY TWIN_FUZZER_LINES "${name}\t${corpus}\t${arguments}\n")
  endif()
endfunction()

# Ends the configuration: the targets `benches` and `fuzzers`, and the check that no test file was
# left out. Call it last.
function(twin_finish)
  get_property(benches GLOBAL PROPERTY TWIN_BENCHES)
  add_custom_target(benches DEPENDS ${benches})
  list(JOIN benches "\n" lines)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/benches.txt CONTENT "${lines}\n" @ONLY)

  get_property(fuzzers GLOBAL PROPERTY TWIN_FUZZERS)
  get_property(lines GLOBAL PROPERTY TWIN_FUZZER_LINES)
  add_custom_target(fuzzers DEPENDS ${fuzzers})
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/fuzzers.txt CONTENT "${lines}" @ONLY)

  if(NOT TWIN_GRPC)
    return()  # Files of what is left out are registered nowhere.
  endif()
  get_property(registered GLOBAL PROPERTY TWIN_REGISTERED)
  twin_refuse_unregistered(${PROJECT_SOURCE_DIR} "${registered}")
endfunction()

# Notes that some target runs these files, which are relative to the current folder.
function(twin_register)
  list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ OUTPUT_VARIABLE files)
  set_property(GLOBAL APPEND PROPERTY TWIN_REGISTERED ${files})
endfunction()

function(twin_refuse_unparsed function arguments)
  if(arguments)
    message(FATAL_ERROR "${function} does not know: ${arguments}")
  endif()
endfunction()

include(${CMAKE_CURRENT_LIST_DIR}/TwinRegistered.cmake)
