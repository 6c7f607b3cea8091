<?php
// The tables of a new site, each of which has an id as well.

const TABLES = [
    'config' => 'name varchar(255) UNIQUE, value longtext',
    'config_plugins' => 'plugin varchar(100), name varchar(100), value longtext, UNIQUE (plugin, name)',
    'config_log' => 'userid bigint, timemodified bigint, plugin varchar(100), name varchar(100), value longtext, oldvalue longtext',
    'course' => 'category bigint DEFAULT 0, sortorder bigint DEFAULT 0, fullname varchar(254), shortname varchar(255), idnumber varchar(100) DEFAULT \'\','
        . ' summary longtext, visible tinyint DEFAULT 1, visibleold tinyint DEFAULT 1, timecreated bigint DEFAULT 0, timemodified bigint DEFAULT 0',
    'course_categories' => 'name varchar(255), idnumber varchar(100) DEFAULT \'\', description longtext, parent bigint DEFAULT 0,'
        . ' sortorder bigint DEFAULT 0, coursecount bigint DEFAULT 0, visible tinyint DEFAULT 1, visibleold tinyint DEFAULT 1,'
        . ' timemodified bigint DEFAULT 0, depth bigint DEFAULT 0, path varchar(255)',
    'enrol' => 'enrol varchar(20), status bigint DEFAULT 0, courseid bigint, timecreated bigint DEFAULT 0, timemodified bigint DEFAULT 0',
    'user_enrolments' => 'status bigint DEFAULT 0, enrolid bigint, userid bigint, modifierid bigint DEFAULT 0, timecreated bigint DEFAULT 0,'
        . ' timemodified bigint DEFAULT 0, UNIQUE (enrolid, userid)',
    'role_assignments' => 'roleid bigint, contextid bigint, userid bigint, timemodified bigint DEFAULT 0, modifierid bigint DEFAULT 0',
    'user' => 'auth varchar(20) DEFAULT \'manual\', username varchar(100), password varchar(255), idnumber varchar(255) DEFAULT \'\','
        . ' firstname varchar(100) DEFAULT \'\', lastname varchar(100) DEFAULT \'\', email varchar(100), lastaccess bigint DEFAULT 0,'
        . ' deleted tinyint DEFAULT 0, confirmed tinyint DEFAULT 1, suspended tinyint DEFAULT 0, mnethostid bigint DEFAULT 1,'
        . ' secret varchar(15) DEFAULT \'\', city varchar(120) DEFAULT \'\', institution varchar(255) DEFAULT \'\','
        . ' department varchar(255) DEFAULT \'\', address varchar(255) DEFAULT \'\', description longtext, imagealt varchar(255),'
        . ' firstnamephonetic varchar(255), lastnamephonetic varchar(255), middlename varchar(255), alternatename varchar(255),'
        . ' moodlenetprofile varchar(255), timecreated bigint DEFAULT 0, timemodified bigint DEFAULT 0',
    'upgrade_log' => 'type bigint, plugin varchar(100), version varchar(100), targetversion varchar(100), info varchar(255), timemodified bigint',
    'task_scheduled' => 'component varchar(255), classname varchar(255) UNIQUE, lastruntime bigint, nextruntime bigint,'
        . ' blocking tinyint DEFAULT 0, minute varchar(200), hour varchar(70), day varchar(90), month varchar(30), dayofweek varchar(25),'
        . ' faildelay bigint, customised tinyint DEFAULT 0, disabled tinyint DEFAULT 0, timestarted bigint, hostname varchar(255), pid bigint',
    'task_adhoc' => 'component varchar(255), classname varchar(255), nextruntime bigint, faildelay bigint, customdata longtext, userid bigint,'
        . ' blocking tinyint DEFAULT 0, timecreated bigint DEFAULT 0, timestarted bigint, hostname varchar(255), pid bigint',
    'mnet_host' => 'wwwroot varchar(255), name varchar(80), public_key longtext, public_key_expires bigint DEFAULT 0,'
        . ' ip_address varchar(45) DEFAULT \'\', deleted tinyint DEFAULT 0',
    'sessions' => 'sid varchar(128), userid bigint, timemodified bigint',
    'context' => 'contextlevel bigint, instanceid bigint DEFAULT 0, path varchar(255), depth tinyint DEFAULT 0, locked tinyint DEFAULT 0',
    'capabilities' => 'name varchar(255) UNIQUE, captype varchar(50), contextlevel bigint, component varchar(100), riskbitmask bigint DEFAULT 0',
    'role' => 'name varchar(255), shortname varchar(100) UNIQUE, description longtext, sortorder bigint UNIQUE, archetype varchar(30)',
    'role_capabilities' => 'contextid bigint, roleid bigint, capability varchar(255), permission bigint, timemodified bigint, modifierid bigint,'
        . ' UNIQUE (roleid, contextid, capability)',
    'role_context_levels' => 'roleid bigint, contextlevel bigint, UNIQUE (contextlevel, roleid)',
    'role_allow_assign' => 'roleid bigint, allowassign bigint, UNIQUE (roleid, allowassign)',
    'role_allow_override' => 'roleid bigint, allowoverride bigint, UNIQUE (roleid, allowoverride)',
    'role_allow_switch' => 'roleid bigint, allowswitch bigint, UNIQUE (roleid, allowswitch)',
    'role_allow_view' => 'roleid bigint, allowview bigint, UNIQUE (roleid, allowview)',
    'logstore_standard_log' => 'eventname varchar(255), component varchar(100), action varchar(100), target varchar(100),'
        . ' objecttable varchar(50), objectid bigint, crud varchar(1), edulevel tinyint, contextid bigint, contextlevel bigint,'
        . ' contextinstanceid bigint, userid bigint, other longtext, timecreated bigint, origin varchar(10)',
    'modules' => 'name varchar(20), visible tinyint DEFAULT 1',
    'block' => 'name varchar(40) UNIQUE, visible tinyint DEFAULT 1',
    'grade_items' => 'courseid bigint, itemtype varchar(30), itemname varchar(255), grademin decimal(10,5) DEFAULT 0,'
        . ' grademax decimal(10,5) DEFAULT 100, timecreated bigint DEFAULT 0, timemodified bigint DEFAULT 0',
    'grade_grades' => 'itemid bigint, userid bigint, finalgrade decimal(10,5), timecreated bigint, timemodified bigint, UNIQUE (userid, itemid)',
    'grade_grades_history' => 'action bigint DEFAULT 0, oldid bigint, source varchar(255), timemodified bigint, loggeduser bigint, itemid bigint,'
        . ' userid bigint, finalgrade decimal(10,5)',
    'backup_courses' => 'courseid bigint UNIQUE, laststarttime bigint DEFAULT 0, lastendtime bigint DEFAULT 0, laststatus varchar(1) DEFAULT 5,'
        . ' nextstarttime bigint DEFAULT 0',
    'files' => 'contenthash varchar(40), pathnamehash varchar(40) UNIQUE, contextid bigint, component varchar(100), filearea varchar(50),'
        . ' itemid bigint, filepath varchar(255), filename varchar(255), userid bigint, filesize bigint, mimetype varchar(100),'
        . ' status bigint DEFAULT 0, source longtext, author varchar(255), license varchar(255), timecreated bigint, timemodified bigint,'
        . ' sortorder bigint DEFAULT 0, referencefileid bigint, KEY (contenthash)',
    'filter_active' => 'filter varchar(32), contextid bigint, active smallint, sortorder bigint DEFAULT 0, UNIQUE (contextid, filter)',
    'message_processors' => 'name varchar(166), enabled tinyint DEFAULT 1',
    'portfolio_instance' => 'plugin varchar(50), name varchar(255), visible tinyint DEFAULT 1',
    'repository' => 'type varchar(255), visible tinyint DEFAULT 1, sortorder bigint DEFAULT 0',
    'registration_hubs' => 'token varchar(255), hubname varchar(255), huburl varchar(255), confirmed tinyint DEFAULT 0,'
        . ' secret varchar(255), timemodified bigint DEFAULT 0',
    'tool_customlang' => 'lang varchar(20), componentid bigint, stringid varchar(255), original longtext, master longtext, local longtext,'
        . ' timemodified bigint, timecustomized bigint, outdated smallint DEFAULT 0, modified smallint DEFAULT 0,'
        . ' UNIQUE (lang, componentid, stringid)',
    'tool_customlang_components' => 'name varchar(255), version varchar(255)',
    'user_info_category' => 'name varchar(255), sortorder bigint DEFAULT 0',
    'user_info_field' => 'shortname varchar(255), name longtext, datatype varchar(255), description longtext, categoryid bigint DEFAULT 0,'
        . ' sortorder bigint DEFAULT 0, required tinyint DEFAULT 0, locked tinyint DEFAULT 0, visible smallint DEFAULT 0,'
        . ' defaultdata longtext, param1 longtext',
    'user_info_data' => 'userid bigint, fieldid bigint, data longtext',
];
