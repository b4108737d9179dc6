# How a room of src/ is built: one static library, its tests beside their source.

# Whether a sanitizer watches this build. There, what costs the compiler most is compiled with less.
set(RERANK_SANITIZED OFF)
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  set(RERANK_SANITIZED ON)
endif()

add_library(rerank_options INTERFACE)
target_include_directories(rerank_options INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
# Designated initializers leave fields at their defaults on purpose; g++ 12 sees overlapping copies in plain
# std::string concatenation (GCC bug 105329).
target_compile_options(rerank_options INTERFACE -Wall -Wextra -Wshadow -Werror $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
                       -Wno-missing-field-initializers -fvisibility=hidden -ffp-contract=off)

# Under the sanitizers: the files of a target are compiled ten at a time, since most of the time goes into the headers
# that they share. Names in their anonymous namespaces must not collide.
function(rerank_compile_together target)
  if(RERANK_SANITIZED)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 10)
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  endif()
endfunction()

# rerank_room(NAME SOURCES... [NEEDS rooms...] [LIBRARIES third-party targets...] [TESTS...] [BENCHES...])
# builds the library room_NAME; TESTS become one program NAME_test, BENCHES one program NAME_bench.
function(rerank_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;NEEDS;LIBRARIES;TESTS;BENCHES" ${ARGN})
  add_library(room_${name} STATIC ${ROOM_SOURCES})
  list(TRANSFORM ROOM_NEEDS PREPEND room_)
  target_link_libraries(room_${name} PUBLIC rerank_options ${ROOM_NEEDS} ${ROOM_LIBRARIES})
  if(RERANK_BUILD_TESTS AND ROOM_TESTS)
    rerank_test(${name}_test ${ROOM_TESTS} LIBRARIES room_${name})
  endif()
  if(RERANK_BUILD_BENCHMARKS AND ROOM_BENCHES)
    add_executable(${name}_bench ${ROOM_BENCHES})
    target_include_directories(${name}_bench PRIVATE ${PROJECT_SOURCE_DIR})
    target_link_libraries(${name}_bench PRIVATE room_${name} benchmark::benchmark_main)
  endif()
endfunction()

# GoogleTest's headers and Boost.JSON's are half of what compiling a test takes, so they are compiled once: for a
# program that does nothing, since g++ wants the flags of a program, not of a library.
function(rerank_test_headers)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/test_headers.cc CONTENT "int main() {}\n")
  add_executable(test_headers ${PROJECT_BINARY_DIR}/test_headers.cc)
  target_link_libraries(test_headers PRIVATE rerank_options ${test_libraries})
  target_compile_options(test_headers PRIVATE ${test_options})
  target_precompile_headers(test_headers PRIVATE <gmock/gmock.h> <gtest/gtest.h> <boost/json.hpp>)
endfunction()

# rerank_test(NAME SOURCES... LIBRARIES targets...): a GoogleTest program, registered with CTest case by case
# under the label NAME.
function(rerank_test name)
  set(test_options -O0  # halves the time to compile them under the sanitizers
      $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)  # ccache needs it beside precompiled headers
  set(test_libraries GTest::gmock GTest::gtest_main Boost::json)
  if(NOT TARGET test_headers)
    rerank_test_headers()
  endif()
  cmake_parse_arguments(TEST "" "" "LIBRARIES" ${ARGN})
  add_executable(${name} ${TEST_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${TEST_LIBRARIES} ${test_libraries})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})  # for what tests share: "tests/..."
  target_compile_definitions(${name} PRIVATE RERANK_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_compile_options(${name} PRIVATE ${test_options})
  target_precompile_headers(${name} REUSE_FROM test_headers)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 900 LABELS ${name})
endfunction()
