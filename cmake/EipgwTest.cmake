# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
# Comes behind eipgw_flags: an assertion of cmocka's that fails doesn't return, which its headers don't say.
add_library(eipgw_test_flags INTERFACE)
target_compile_options(eipgw_test_flags INTERFACE -Wno-null-dereference)

# eipgw_unit_test(NAME SOURCES ... LINK ...): one cmocka executable per file, label "unit".
# eipgw_contract_test(...): the same with label "contract"; needs root, exits 77 where it can't run.
function(eipgw_cmocka_test label name)
	cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
	pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
	add_executable(test_${name} ${arg_SOURCES})
	target_link_libraries(test_${name} PRIVATE eipgw_flags eipgw_test_flags ${arg_LINK} PkgConfig::CMOCKA)
	add_test(NAME ${label}/${name} COMMAND test_${name} WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
	set_tests_properties(${label}/${name} PROPERTIES LABELS ${label} TIMEOUT 600 SKIP_RETURN_CODE 77)
endfunction()
macro(eipgw_unit_test)
	eipgw_cmocka_test(unit ${ARGN})
endmacro()
macro(eipgw_contract_test)
	eipgw_cmocka_test(contract ${ARGN})
endmacro()
