# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
# Where the programs go, by component; called at the end of the root file, when all targets are known.
function(eipgw_install_programs)
	foreach(row "eipgwd gateway ${CMAKE_INSTALL_SBINDIR}" "eipgw-user-data gateway ${CMAKE_INSTALL_SBINDIR}"
		    "eipgw-noded node ${CMAKE_INSTALL_SBINDIR}"
		    "eipgw cli ${CMAKE_INSTALL_BINDIR}")
		separate_arguments(row)
		list(GET row 0 program)
		list(GET row 1 component)
		list(GET row 2 place)
		if(TARGET ${program})
			install(TARGETS ${program} RUNTIME DESTINATION ${place} COMPONENT ${component})
		endif()
	endforeach()
endfunction()
