# Whether the CUDA module is built, and how nvcc is called. The module itself stands in src/backend/cuda.
set(RERANK_CUDA AUTO CACHE STRING "Build the CUDA module: ON, OFF, or AUTO: where nvcc 13 is found")
set_property(CACHE RERANK_CUDA PROPERTY STRINGS AUTO ON OFF)

set(RERANK_BUILD_CUDA OFF)
if(NOT RERANK_CUDA STREQUAL "OFF")
  set(CMAKE_CUDA_ARCHITECTURES OFF)  # named in src/backend/cuda: this CMake does not know 90a
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    if(CCACHE_PROGRAM AND NOT CMAKE_CUDA_COMPILER_LAUNCHER)
      set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
    endif()
    # The same in every build, so that a compiler cache serves them all.
    foreach(kind "" _DEBUG _RELEASE _RELWITHDEBINFO _NONE)
      set(CMAKE_CUDA_FLAGS${kind} "" CACHE STRING "for nvcc")
    endforeach()
    enable_language(CUDA)
    # CMake 3.25.1 marks this one as deprecated without a look whether CUDA has it; CUDA 13 has not.
    if(NOT TARGET CUDA::nvToolsExt)
      add_library(CUDA::nvToolsExt INTERFACE IMPORTED)
    endif()
    find_package(CUDAToolkit 13.0)
    # CMake 3.25 does not know that nvcc 13 takes C++20.
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
    find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS})  # opened at run time, declared here
    if(CUDAToolkit_FOUND AND TARGET CUDA::cublasLt AND NCCL_INCLUDE_DIR)
      set(RERANK_BUILD_CUDA ON)
    endif()
  endif()
  if(RERANK_CUDA STREQUAL "ON" AND NOT RERANK_BUILD_CUDA)
    message(FATAL_ERROR "RERANK_CUDA=ON needs CUDA 13's nvcc and cuBLAS, and NCCL's header: put nvcc on the PATH, or set CUDACXX")
  endif()
endif()
message(STATUS "CUDA module: ${RERANK_BUILD_CUDA}")
