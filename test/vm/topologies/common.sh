# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # sourced by vm
# Words for the topologies: they add QEMU's arguments to devices=() and the
# fixed memory windows to windows.  The first argument is QEMU's id.

devices=()
windows=

# host_bridge ID BUS-NUMBER [PROPERTIES]
host_bridge() {
	devices+=(-device "pxb-cxl,bus_nr=$2,bus=pcie.0,id=$1${3:+,$3}")
}

# root_port ID HOST-BRIDGE PORT SLOT
root_port() {
	devices+=(-device "cxl-rp,port=$3,bus=$2,id=$1,chassis=0,slot=$4")
}

# upstream_port ID ROOT-PORT SERIAL: a switch
upstream_port() {
	devices+=(-device "cxl-upstream,bus=$2,id=$1,sn=$3")
}

# downstream_port ID UPSTREAM-PORT PORT SLOT
downstream_port() {
	devices+=(-device "cxl-downstream,port=$3,bus=$2,id=$1,chassis=0,slot=$4")
}

# ram_device ID BUS SIZE SERIAL
ram_device() {
	devices+=(-object "memory-backend-ram,id=$1-memory,share=on,size=$3"
		-device "cxl-type3,bus=$2,volatile-memdev=$1-memory,id=$1,sn=$4")
}

# pmem_device ID BUS SIZE SERIAL
pmem_device() {
	devices+=(-object "memory-backend-ram,id=$1-memory,share=on,size=$3"
		-object "memory-backend-ram,id=$1-labels,share=on,size=1M"
		-device "cxl-type3,bus=$2,persistent-memdev=$1-memory,lsa=$1-labels,id=$1,sn=$4")
}

# mixed_device ID BUS SIZE SERIAL: SIZE volatile and SIZE persistent
mixed_device() {
	devices+=(-object "memory-backend-ram,id=$1-memory,share=on,size=$3"
		-object "memory-backend-ram,id=$1-persistent,share=on,size=$3"
		-object "memory-backend-ram,id=$1-labels,share=on,size=1M"
		-device "cxl-type3,bus=$2,volatile-memdev=$1-memory,persistent-memdev=$1-persistent,lsa=$1-labels,id=$1,sn=$4")
}

# file_device ID BUS SIZE SERIAL: volatile, in a sparse file
file_device() {
	devices+=(-object "memory-backend-file,id=$1-memory,share=on,size=$3,mem-path=$run/$1"
		-device "cxl-type3,bus=$2,volatile-memdev=$1-memory,id=$1,sn=$4")
}

# window INDEX SIZE HOST-BRIDGE...
window() {
	local index=$1 size=$2 i=0 bridge
	shift 2
	for bridge; do
		windows+=",cxl-fmw.$index.targets.$i=$bridge"
		i=$((i + 1))
	done
	windows+=",cxl-fmw.$index.size=$size"
}
